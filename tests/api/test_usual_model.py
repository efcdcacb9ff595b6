"""Who names no model goes on with the conversation's."""

from __future__ import annotations

import pytest

from chat.engines.base import ModelInfo
from chat.models import Conversation, Generation
from tests.api.helpers import answered, error_of

pytestmark = pytest.mark.django_db(transaction=True)
OFFERED = ("scripted", "other")


@pytest.fixture(autouse=True)
def offered(monkeypatch) -> list[str]:
    names = list(OFFERED)
    monkeypatch.setattr(
        "chat.engines.registry.models",
        lambda: [ModelInfo(name, name) for name in names],
    )
    return names


@pytest.fixture
def talk(alice) -> Generation:
    """Of a conversation that goes on with `other`."""
    generation = answered(alice)
    Conversation.objects.update(model="other")
    return generation


def model_of(response) -> str:
    assert response.status_code == 200
    return Generation.objects.get(pk=response.headers["X-Generation-Id"]).model


def test_a_new_one_takes_the_default(post, alice) -> None:
    assert model_of(post("/api/chat/stream", {"prompt": "a"})) == "scripted"


def test_it_goes_on_with_its_own(post, talk) -> None:
    body = {"prompt": "a", "conversation": str(talk.conversation_id)}

    assert model_of(post("/api/chat/stream", body)) == "other"
    assert Conversation.objects.get().model == "other"


def test_another_answer_and_another_question_too(post, talk) -> None:
    again = post(f"/api/messages/{talk.message_id}/regenerate", {})
    question = talk.message.parent_id
    edited = post(f"/api/messages/{question}/edit", {"prompt": "b"})

    assert [model_of(again), model_of(edited)] == ["other", "other"]


def test_who_names_one_gets_it_and_the_conversation_keeps_it(post, talk) -> None:
    where = {"conversation": str(talk.conversation_id), "prompt": "a"}

    assert (
        model_of(post("/api/chat/stream", where | {"model": "scripted"})) == "scripted"
    )
    assert Conversation.objects.get().model == "scripted"


def test_one_that_is_gone_gives_way_to_the_default(post, talk, offered) -> None:
    offered.remove("other")
    body = {"prompt": "a", "conversation": str(talk.conversation_id)}

    assert model_of(post("/api/chat/stream", body)) == "scripted"


def test_nothing_begins_while_none_is_known(post, talk, offered) -> None:
    offered.clear()
    body = {"prompt": "a", "conversation": str(talk.conversation_id)}

    error = error_of(post("/api/chat/stream", body), 400)
    assert (error["code"], error["field"]) == ("model_not_found", "model")
    assert Generation.objects.count() == 1


def test_the_plain_form_does_the_same(client, alice, talk) -> None:
    client.force_login(alice)
    client.post(f"/c/{talk.conversation_id}/", {"prompt": "a"})

    assert Generation.objects.latest("created").model == "other"
