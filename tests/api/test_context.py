"""`GET /api/conversations/ID/context`, and the conversation's own parameters."""

from __future__ import annotations

from typing import Any

import pytest

from chat.engines import registry
from chat.engines.base import ModelInfo
from chat.engines.local_models import DEMO_PATH, context_of
from chat.models import Conversation, Generation
from tests.api.helpers import answered, error_of
from tests.core.helpers import ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def small(monkeypatch) -> None:
    """A model whose context holds 200 tokens, a quarter of it for the answer."""
    info = ModelInfo("scripted", "Scripted", context_tokens=200)
    monkeypatch.setattr(registry, "models", lambda: [info])


def told(client: Any, conversation: Any, **query: Any) -> dict[str, Any]:
    answer = client.get(f"/api/conversations/{conversation}/context", query)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


@pytest.mark.usefixtures("small")
class TestContext:
    def test_it_counts_what_will_be_sent(self, api, alice) -> None:
        generation = answered(alice, "x" * 40, prompt="y" * 40)
        seen = told(api, generation.conversation_id)

        assert (seen["context_tokens"], seen["reserved_tokens"]) == (200, 50)
        assert seen["used_tokens"] == 2 * (4 + 11)
        assert seen["first_sent"] == str(generation.message.parent_id)
        assert seen["cut"] is False
        more = told(api, generation.conversation_id, draft=20)
        assert more["used_tokens"] == seen["used_tokens"] + 4 + 20

    def test_it_tells_which_messages_are_left_out(self, api, alice) -> None:
        first = answered(alice, "x" * 300, prompt="y" * 300)
        second = answered(alice, "z" * 40, conversation=first.conversation_id)
        seen = told(api, first.conversation_id, draft=10)

        assert seen["cut"] is True
        assert seen["first_sent"] == str(second.message.parent_id)
        assert seen["used_tokens"] <= 150

    def test_it_keeps_more_free_for_a_longer_answer(self, api, alice) -> None:
        generation = answered(alice, "x" * 40)
        path = f"/api/conversations/{generation.conversation_id}"
        body = {"params": {"max_tokens": 120}, "system_prompt": "s" * 80}
        api.patch(path, body, content_type="application/json")
        seen = told(api, generation.conversation_id)

        assert seen["reserved_tokens"] == 120
        assert seen["used_tokens"] > 21

    def test_it_knows_an_empty_conversation(self, api, post) -> None:
        made = post("/api/conversations", {}).json()
        seen = told(api, made["id"])

        assert (seen["used_tokens"], seen["first_sent"], seen["cut"]) == (
            0,
            None,
            False,
        )

    def test_it_hides_alices_from_bob(self, bobs_api, alice) -> None:
        generation = answered(alice)
        path = f"/api/conversations/{generation.conversation_id}/context"
        error_of(bobs_api.get(path), 404)

    def test_it_names_a_wrong_model(self, api, alice) -> None:
        generation = answered(alice)
        path = f"/api/conversations/{generation.conversation_id}/context"
        assert error_of(api.get(path, {"model": "gone"}), 400)["field"] == "model"


def test_without_a_known_size_nothing_is_cut(api, alice) -> None:
    generation = answered(alice, "x" * 4000)
    seen = told(api, generation.conversation_id)

    assert (seen["context_tokens"], seen["cut"]) == (None, False)
    assert seen["used_tokens"] > 1000


def test_the_demo_model_tells_its_size_without_being_loaded() -> None:
    assert (context_of(DEMO_PATH) or 0) >= 512


class TestParameters:
    """What a conversation keeps for all of its questions."""

    def test_each_question_takes_them_along(self, api, post, alice) -> None:
        params = {"temperature": 0.5, "max_tokens": 7}
        made = post("/api/conversations", {"params": params}).json()
        assert made["params"] == params

        first = ask(alice, conversation=made["id"], params={"max_tokens": 9})
        row = Generation.objects.get(pk=first.pk)
        assert row.params == {"temperature": 0.5, "max_tokens": 9}

    def test_they_change_as_a_whole(self, api, post) -> None:
        made = post("/api/conversations", {"params": {"temperature": 0.5}}).json()
        path = f"/api/conversations/{made['id']}"
        body = {"params": {"top_p": 0.9}}
        changed = api.patch(path, body, content_type="application/json").json()
        api.patch(path, {"title": "x"}, content_type="application/json")

        assert changed["params"] == {"top_p": 0.9}
        assert Conversation.objects.get().params == {"top_p": 0.9}

    def test_it_names_a_wrong_one(self, post) -> None:
        error = error_of(
            post("/api/conversations", {"params": {"temperature": 9}}), 400
        )
        assert error["field"] == "params.temperature"
