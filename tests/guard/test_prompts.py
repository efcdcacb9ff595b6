"""Questions past the guard: refused, or stored as the model is told them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from chat import calls, generations
from chat.asking import Ask
from chat.calls import Told
from chat.engines.base import ChatMessage
from chat.errors import ChatError
from chat.guard import MASK
from chat.models import Conversation, Flag, GuardFinding, Message
from tests.api.helpers import answered, error_of, stored
from tests.core.helpers import ask
from tests.guard.test_answers import rule

pytestmark = pytest.mark.django_db

PROMPT = "Tell me of 禁果."
DASHSCOPE = "/api/v1/services/aigc/text-generation/generation"


def posted(api: Client, path: str, asks: dict[str, Any]) -> Any:
    return api.post(path, json.dumps(asks), content_type="application/json")


@pytest.mark.parametrize("path", ["/api/chat", "/api/chat/stream"])
def test_a_question_is_refused(api, alice, path) -> None:
    rule("block")

    response = posted(api, path, {"prompt": PROMPT})

    error = error_of(response, 400)
    assert (error["code"], error["field"]) == ("content_filter", "prompt")
    assert "禁果" not in error["message"]
    assert stored() == (0, 0, 0)
    [seen] = GuardFinding.objects.all()
    assert (seen.user, seen.generation, seen.text) == (alice, None, "禁果")
    assert (seen.part, seen.action) == ("prompt", "block")


def test_it_is_refused_in_the_users_language(api) -> None:
    rule("block")
    api.defaults["HTTP_ACCEPT_LANGUAGE"] = "zh-hans"

    error = error_of(posted(api, "/api/chat", {"prompt": PROMPT}), 400)

    assert "内容规则" in error["message"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_programs_are_refused_in_openais_words(api, path) -> None:
    rule("block")
    said = [{"role": "user", "content": PROMPT}]
    name = "input" if path.endswith("responses") else "messages"

    response = posted(api, path, {"model": "scripted", name: said})

    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "content_filter")
    assert error["type"] == "invalid_request_error"
    assert stored() == (0, 0, 0)


def test_programs_are_refused_in_dashscopes_words(api) -> None:
    rule("block")

    response = posted(
        api, DASHSCOPE, {"model": "scripted", "input": {"prompt": PROMPT}}
    )

    assert (response.status_code, response.json()["code"]) == (
        *(400, "DataInspectionFailed"),
    )


@pytest.mark.parametrize("role", ["system", "tool", "user"])
def test_all_that_a_call_brings_is_looked_at(alice, role) -> None:
    rule("block")
    messages: list[ChatMessage] = [
        {"role": "user", "content": "Hello"},
        {"role": role, "content": PROMPT},
        {"role": "user", "content": "Go on"},
    ]
    with pytest.raises(ChatError) as error:
        calls.start(alice, Ask("scripted", {}), Told("", messages))
    assert (error.value.code, error.value.field) == ("content_filter", "messages")

    with pytest.raises(ChatError, match="content rules"):
        calls.start(alice, Ask("scripted", {}), Told(PROMPT, messages[:1]))

    messages[1]["role"] = "assistant"
    calls.start(alice, Ask("scripted", {}), Told("", messages))


def test_what_is_masked_is_stored_masked(alice) -> None:
    rule("mask")

    job = ask(alice, PROMPT, system_prompt="Never say forbidden.")

    question = Message.objects.get(role="user")
    assert question.content == f"Tell me of {MASK * 2}."
    assert job.conversation.title == question.content
    assert job.conversation.system_prompt == f"Never say {MASK * 9}."
    parts = GuardFinding.objects.order_by("id").values_list("part", "text")
    assert list(parts) == [("prompt", "禁果"), ("system", "forbidden")]
    assert {row.generation for row in GuardFinding.objects.all()} == {job}


def test_a_flagged_question_is_asked(alice) -> None:
    rule("flag")

    job = ask(alice, PROMPT)

    assert job.message.parent.content == PROMPT
    assert GuardFinding.objects.get().generation == job
    assert Flag.objects.get().message == job.message.parent


def test_another_version_of_a_question_is_looked_at(alice) -> None:
    job = answered(alice)
    rule("block")

    with pytest.raises(ChatError, match="content rules"):
        generations.edit(alice, job.message.parent_id, PROMPT, Ask("scripted", {}))


def test_a_system_prompt_is_looked_at_where_it_is_set(api, alice) -> None:
    rule("block", pattern="forbidden")
    rule("mask", pattern="禁果")
    path = "/api/conversations"

    error = error_of(posted(api, path, {"system_prompt": "forbidden"}), 400)
    assert (error["code"], error["field"]) == ("content_filter", "system_prompt")
    assert posted(api, path, {"system_prompt": "禁果"}).status_code == 201
    row = Conversation.objects.get()
    assert row.system_prompt == MASK * 2

    patch = {
        "data": '{"system_prompt": "forbidden"}',
        "content_type": "application/json",
    }
    error_of(api.patch(f"{path}/{row.pk}", **patch), 400)
    patch["data"] = '{"system_prompt": "a 禁果"}'
    assert api.patch(f"{path}/{row.pk}", **patch).status_code == 200
    row.refresh_from_db()
    assert row.system_prompt == "a " + MASK * 2


def test_a_call_that_is_not_stored_leaves_no_text_behind(alice) -> None:
    rule("block")
    told = Told("", [{"role": "user", "content": PROMPT}])

    with pytest.raises(ChatError, match="content rules"):
        calls.start(alice, Ask("scripted", {}, store=False), told)

    assert GuardFinding.objects.get().text == ""


def test_without_rules_no_query_is_made_for_each_question(
    alice, django_assert_num_queries
) -> None:
    ask(alice)  # looks at the rules
    with django_assert_num_queries(0):
        assert generations.Asked(alice).text(PROMPT, "prompt") == PROMPT
