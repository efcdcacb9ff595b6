"""Rows by plain SQL are the rows that the models make."""

from __future__ import annotations

import weakref
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.forms.models import model_to_dict
from django.utils import timezone

from chat.models import ApiKey, Conversation, Generation, Message
from chat.records import CONVERSATIONS, GENERATIONS, MESSAGES, let_go, load, load_all
from chat.rows import twin
from tests.core.helpers import ask

pytestmark = pytest.mark.django_db


def values(row) -> dict:
    return {field.attname: getattr(row, field.attname) for field in row._meta.fields}


def generation(user: User, **given) -> Generation:
    """Not stored yet, like its message and its conversation."""
    conversation = Conversation(owner=user, updated=timezone.now(), title="a % 'b'")
    message = Message(conversation=conversation, role="assistant", content="你好\n🙂")
    return Generation(user=user, conversation=conversation, message=message, **given)


def insert(row: Generation) -> None:
    CONVERSATIONS.insert(row.conversation)
    MESSAGES.insert(row.message)
    GENERATIONS.insert(row)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"params": {"stop": ["%s", "好"], "seed": 7, "top_p": None}},
        {"store": False, "idempotency_key": "k", "attempt": 3, "last_seq": 2**52},
        {"started": timezone.now(), "lease_until": timezone.now()},
    ],
)
def test_what_is_inserted_is_what_the_models_read(alice: User, given) -> None:
    row = generation(alice, **given)
    insert(row)

    stored = Generation.objects.select_related("message", "conversation").get()
    assert values(stored) == values(row)
    assert values(stored.message) == values(row.message)
    assert values(stored.conversation) == values(row.conversation)


def test_what_is_loaded_is_what_the_models_read(alice: User) -> None:
    pk = ask(alice, params={"stop": ["a"]}).pk

    row = load(pk)

    assert values(row) == values(Generation.objects.get(pk=pk))
    assert values(row.message) == values(Message.objects.get(pk=row.message_id))
    assert model_to_dict(row.conversation) == model_to_dict(Conversation.objects.get())


def test_what_is_loaded_goes_when_the_last_one_lets_go_of_it(alice: User) -> None:
    row = load(ask(alice).pk)
    known = weakref.ref(row)

    del row

    assert known() is None, "it would stay until garbage is collected"


def test_a_twin_has_all_of_it_and_keeps_it(alice: User) -> None:
    row = load(ask(alice).pk)

    other = twin(row)
    let_go(row)
    row.status = "done"

    assert other.status == "queued"
    assert not other._state.adding
    assert other.message.pk == row.message_id
    assert other.conversation.pk == row.conversation_id
    assert other == row


def test_an_inserted_row_can_be_saved(alice: User) -> None:
    row = generation(alice)
    insert(row)

    row.status = "done"
    row.save()

    assert Generation.objects.get().status == "done"


def test_what_is_not_there(alice: User) -> None:
    there = ask(alice).pk

    assert [row.pk for row in load_all([uuid4(), there])] == [there]
    with pytest.raises(Generation.DoesNotExist):
        load(uuid4())


def test_a_key_brings_its_user(alice: User) -> None:
    row, key = ApiKey.objects.create_key(alice, "name")

    found = ApiKey.objects.verify(key)

    assert found is not None
    assert values(found) | {"last_used": None} == values(row)
    assert values(found.user) == values(User.objects.get())
