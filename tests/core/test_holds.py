"""A legal hold: nothing that it covers goes, by no way, until it is lifted."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models.deletion import ProtectedError
from django.test import Client
from django.utils import timezone

from chat.errors import ConflictError, NotFoundError
from chat.models import (
    AuditEntry,
    Conversation,
    Feedback,
    Flag,
    Generation,
    GuardFinding,
    Hold,
    Message,
    Note,
    PromptTemplate,
)
from chat.people import accounts
from chat.privacy import audit, erasure, holds, removal, review
from chat.screening import findings
from tests.api.helpers import answered
from tests.core.bringing import all_json, bring
from tests.core.racing import race
from tests.core.test_removal import delete_long_ago
from tests.core.test_retention import prune, used

pytestmark = pytest.mark.django_db


@pytest.fixture
def lifted(transactional_db: None) -> Iterator[None]:
    """Afterwards nothing is held, so that the tables can be emptied."""
    yield
    Hold.objects.all().delete()


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root")


@pytest.fixture(params=["user", "conversation"])
def row(request: pytest.FixtureRequest, alice: User, root: User) -> Generation:
    """An answer in a conversation that is held, or whose owner is."""
    row = answered(alice)
    Feedback.objects.create(message=row.message, rating=1)
    Flag.objects.create(conversation=row.conversation)
    Note.objects.create(conversation=row.conversation, text="x")
    GuardFinding.objects.create(user=alice, generation=row, rule="x", start=0, end=1)
    about: dict[str, Any] = {"user": alice}
    if request.param == "conversation":
        about = {"conversation": row.conversation}
    holds.place(root, "The court asks.", **about)
    return row


def everything() -> list[Any]:
    models = (Conversation, Message, Generation, Feedback, Flag, Note, GuardFinding)
    rows: list[Any] = [User.objects.order_by("pk")]
    rows += [model._default_manager.order_by("pk") for model in models]
    return [list(some.values_list("pk", flat=True)) for some in rows]


def test_not_by_the_owner_for_whom_it_disappears(row: Generation, alice: User) -> None:
    before = everything()
    delete_long_ago(row, alice)

    assert removal.sweep() is False
    assert everything() == before
    assert not Conversation.objects.owned_by(alice).exists()


def test_staff_still_read_what_the_owner_deleted(
    row: Generation, alice: User, root: User
) -> None:
    gone = answered(User.objects.create_user("bob"))
    removal.remove([row.conversation_id], alice)
    removal.remove([gone.conversation_id], gone.user)

    assert list(review.readable(root)) == [row.conversation]


def test_not_by_retention(row: Generation, settings: Any) -> None:
    settings.CHAT_RETENTION_DAYS = 1
    used(row, 100)
    before = everything()
    said = io.StringIO()

    prune()
    call_command("prune")
    call_command("prune", "--dry-run", stdout=said)

    assert everything() == before
    assert said.getvalue().startswith("Would be removed: 0 conversations")


def test_not_by_a_program(row: Generation, api: Client, alice: User) -> None:
    before = everything()
    name = f"resp_{row.pk.hex}"
    Conversation.objects.update(source="api")

    assert api.delete(f"/v1/responses/{name}").status_code == 200
    assert api.get(f"/v1/responses/{name}").status_code == 404
    assert everything() == before


def test_not_a_rating_of_it(row: Generation, api: Client) -> None:
    url = f"/api/messages/{row.message_id}/feedback"

    response = api.put(url, {"rating": 0}, content_type="application/json")

    assert response.status_code == 409
    assert response.json()["error"]["code"] == "held"
    assert Feedback.objects.get().rating == 1


def test_importing_it_again_brings_it_back(alice: User, bob: User) -> None:
    answered(bob)
    whole = all_json(bob)
    bring(alice, whole)
    brought = Conversation.objects.owned_by(alice).get()
    holds.place(None, "The court asks.", conversation=brought)
    removal.remove([brought.pk], alice)

    bring(alice, whole)

    assert Conversation.objects.owned_by(alice).get() == brought
    assert brought.messages.count() == 2


def test_not_by_staff_who_are_told_what_to_do(
    row: Generation, alice: User, root: User
) -> None:
    before = everything()

    with pytest.raises(ConflictError) as caught:
        accounts.erase(alice, root)

    assert caught.value.code == "held"
    assert "Lift it" in str(caught.value.message)
    assert everything() == before
    alice.refresh_from_db()
    assert alice.is_active


def test_not_with_the_account_which_is_closed(row: Generation, alice: User) -> None:
    before = everything()

    assert accounts.delete(alice) is False

    assert everything() == before
    alice.refresh_from_db()
    assert not alice.is_active
    assert not alice.has_usable_password()
    assert erasure.go_on() is False
    assert everything() == before


def test_what_a_hold_on_one_conversation_leaves_goes(alice: User, root: User) -> None:
    held, other = answered(alice), answered(alice)
    hold = holds.place(root, "The court asks.", conversation=held.conversation)

    assert accounts.delete(alice) is False

    assert list(Conversation.objects.all()) == [held.conversation]
    assert not Generation.objects.filter(pk=other.pk).exists()
    holds.lift(hold, root)
    while erasure.go_on():
        pass
    assert list(User.objects.all()) == [root]
    assert not Conversation.objects.exists()


@pytest.mark.parametrize(
    "delete",
    [
        lambda row: row.user.delete(),
        lambda row: User.objects.filter(pk=row.user_id).delete(),
        lambda row: row.conversation.delete(),
        lambda row: Conversation.objects.all().delete(),
        lambda row: row.message.delete(),
        lambda row: Generation.objects.all().delete(),
        lambda row: Feedback.objects.all().delete(),
        lambda row: Flag.objects.all().delete(),
        lambda row: Note.objects.all().delete(),
        lambda row: GuardFinding.objects.all().delete(),
        lambda row: Message.objects.all()._raw_delete("default"),
    ],
)
def test_not_by_the_orm(row: Generation, delete: Callable[[Generation], Any]) -> None:
    before = everything()

    with pytest.raises((DatabaseError, ProtectedError)), transaction.atomic():
        delete(row)

    assert everything() == before


def test_not_by_sql(row: Generation) -> None:
    for table in ("chat_conversation", "chat_message", "chat_generation"):
        with (
            pytest.raises(DatabaseError, match=holds.REFUSED),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"DELETE FROM {table}")


def test_of_a_user_on_hold_templates_stay(alice: User, root: User, api: Client) -> None:
    template = PromptTemplate.objects.create(owner=alice, name="x", text="y")
    holds.place(root, "The court asks.", user=alice)

    assert api.delete(f"/api/templates/{template.pk}").status_code == 409
    assert PromptTemplate.objects.exists()


def test_findings_and_the_log_stay(
    row: Generation, bob: User, settings: Any, monkeypatch
) -> None:
    settings.CHAT_AUDIT_DAYS = 1
    monkeypatch.setattr(findings, "MOST", 0)
    GuardFinding.objects.create(user=bob, rule="bobs", start=0, end=1)
    old = timezone.now() - timedelta(days=2)
    for whose in (row.user_id, bob.pk):
        AuditEntry.objects.create(action="read", kind="user", subject=whose, at=old)

    findings.trim()
    audit.expire()

    assert [found.user_id for found in GuardFinding.objects.all()] == [row.user_id]
    left = AuditEntry.objects.filter(action="read")
    assert [entry.subject for entry in left] == [row.user_id]


def test_others_go_as_ever(row: Generation, bob: User, settings: Any) -> None:
    settings.CHAT_RETENTION_DAYS = 1
    used(answered(bob), 2)
    delete_long_ago(answered(bob), bob)

    prune()
    removal.sweep()
    accounts.delete(bob)

    assert list(Conversation.objects.all()) == [row.conversation]


def test_lifted_it_goes_as_it_would_have(
    row: Generation, alice: User, root: User
) -> None:
    delete_long_ago(row, alice)

    holds.lift(Hold.objects.get(), root)
    removal.sweep()

    assert not Conversation.objects.exists()
    accounts.delete(alice)
    assert list(User.objects.all()) == [root]


def test_it_is_in_the_log(row: Generation, alice: User, root: User) -> None:
    hold = Hold.objects.get()
    holds.lift(hold, root)
    holds.lift(hold, root)

    entries = AuditEntry.objects.filter(action__in=("held", "released"))
    told = [(e.action, e.actor, e.subject, e.reason) for e in entries.order_by("id")]
    reason = "The court asks."
    assert told == [
        ("held", root.pk, alice.pk, reason),
        ("released", root.pk, alice.pk, reason),
    ]


def test_twice_is_refused(row: Generation, root: User) -> None:
    hold = Hold.objects.get()
    about = {"user": hold.user, "conversation": hold.conversation}

    with pytest.raises(ConflictError) as caught:
        holds.place(root, "Again.", **about)

    assert caught.value.code == "held_already"


def test_every_table_of_a_conversation_is_guarded() -> None:
    """A new model that belongs to a conversation, or is what a user wrote, either has a
    trigger or is told here."""
    copies = {"Passage", "Share", "Conversation_tags", "Hold"}
    roots = (Conversation, Message, Generation)
    models = apps.get_app_config("chat").get_models(include_auto_created=True)
    concerned = {
        model
        for model in models
        for field in model._meta.get_fields()
        if field.many_to_one or field.one_to_one
        if getattr(field, "column", None) and field.related_model in roots
    }
    concerned |= {Conversation, Message, Generation, PromptTemplate, User}
    if connection.vendor == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT tgname FROM pg_trigger"
    with connection.cursor() as cursor:
        cursor.execute(query)
        there = {name for (name,) in cursor.fetchall()}

    missing = {
        model.__name__
        for model in concerned
        if f"{model._meta.db_table}_held" not in there
    }
    assert missing == copies


@pytest.mark.django_db(transaction=True)
def test_tables_are_rebuilt_with_holds_there(alice: User) -> None:
    """By migrations, back and forth; afterwards all is guarded as before."""
    try:
        call_command("migrate", "chat", "0024", verbosity=0)
    finally:
        call_command("migrate", verbosity=0)
    row = answered(alice)
    holds.place(None, "The court asks.", user=alice)

    with pytest.raises(IntegrityError):
        Generation.objects.filter(pk=row.pk)._raw_delete("default")

    Hold.objects.all().delete()


class TestRaces:
    """Whoever comes first wins, and the other one learns of it."""

    @pytest.mark.parametrize("about", ["user", "conversation"])
    def test_a_hold_placed_during_a_delete(self, lifted: None, about: str) -> None:
        root = User.objects.create_superuser("root")
        alice = User.objects.create_user("alice")
        for _ in range(2):
            Hold.objects.all().delete()
            row = answered(alice)
            removal.remove([row.conversation_id], alice)
            past = timezone.now() - removal.KEPT - timedelta(seconds=1)
            Conversation.objects.update(deleted=past)
            target = {about: alice if about == "user" else row.conversation}

            def work(
                number: int, row: Any = row, target: dict[str, Any] = target
            ) -> bool:
                if number % 2:
                    removal.sweep()
                    return False
                try:
                    holds.place(root, "The court asks.", **target)
                except (NotFoundError, ConflictError):
                    return False
                return True

            held = any(race(work, 4))

            there = Conversation.objects.filter(pk=row.conversation_id).exists()
            if about == "conversation":
                assert there == held == Hold.objects.exists()
            assert Message.objects.exists() == there
            Hold.objects.all().delete()
            removal.sweep()

    def test_a_hold_placed_while_the_account_goes(self, lifted: None) -> None:
        root = User.objects.create_superuser("root")
        alice = User.objects.create_user("alice")
        row = answered(alice)

        def work(number: int) -> bool:
            try:
                if number % 2:
                    accounts.erase(User.objects.get(pk=alice.pk), root)
                    return False
                holds.place(root, "The court asks.", user=alice)
            except (NotFoundError, ConflictError, User.DoesNotExist):
                return False
            return True

        held = any(race(work, 4))

        assert User.objects.filter(pk=alice.pk).exists() == held
        talks = Conversation.objects.filter(pk=row.conversation_id)
        assert held or not talks.exists()
