"""Which models a user may use: their own list, else those of their groups together."""

from __future__ import annotations

import time

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import nudges
from chat.asking import Ask
from chat.database import in_database
from chat.engines.base import ModelInfo
from chat.errors import ChatError
from chat.generations import start
from chat.limits import offered
from chat.limits.quotas import SECONDS, quotas
from chat.models import Conversation, Generation, Quota
from tests.core.helpers import ask, claim_one, runner_of
from tests.reading import eventually, finished

pytestmark = pytest.mark.django_db
NAMES = ("scripted", "large", "small")


@pytest.fixture(autouse=True)
def offers(monkeypatch) -> list[str]:
    names = list(NAMES)
    monkeypatch.setattr(
        "chat.engines.registry.models",
        lambda: [ModelInfo(name, name) for name in names],
    )
    return names


def group(user: User, name: str, *models: str) -> Group:
    row = Group.objects.create(name=name)
    Quota.objects.create(group=row, allowed_models=list(models))
    user.groups.add(row)
    return row


def names(user: User) -> list[str]:
    return [info.id for info in offered.models_for(user)]


def refusal(user: User, model: str = "", **where) -> ChatError:
    before = Generation.objects.count()
    with pytest.raises(ChatError) as caught:
        start(user, Ask(model, {}), "a", **where)
    assert Generation.objects.count() == before
    return caught.value


class TestRule:
    def test_in_no_group_all(self, alice: User) -> None:
        assert names(alice) == list(NAMES)

    def test_in_a_group_with_a_list_those(self, alice: User, bob: User) -> None:
        group(alice, "school", "small")

        assert names(alice) == ["small"]
        assert names(bob) == list(NAMES)

    def test_of_several_groups_all_together(self, alice: User) -> None:
        group(alice, "a", "small")
        group(alice, "b", "large")

        assert names(alice) == ["large", "small"]

    def test_a_group_without_a_list_opens_and_closes_nothing(self, alice: User) -> None:
        group(alice, "everybody")
        assert names(alice) == list(NAMES)

        group(alice, "school", "small")
        assert names(alice) == ["small"]

    def test_their_own_list_counts_alone(self, alice: User) -> None:
        group(alice, "school", "small")
        Quota.objects.create(user=alice, allowed_models=["large"])

        assert names(alice) == ["large"]

    def test_their_own_quota_without_a_list_leaves_it_to_the_groups(
        self, alice: User
    ) -> None:
        group(alice, "school", "small")
        Quota.objects.create(user=alice, queue=3)

        assert names(alice) == ["small"]

    def test_superusers_are_no_exception(self, db) -> None:
        root = User.objects.create_superuser("root")
        group(root, "school", "small")

        assert names(root) == ["small"]

    def test_who_joins_and_leaves_is_known_at_once(self, alice: User) -> None:
        school = group(alice, "school", "small")
        assert names(alice) == ["small"]

        alice.groups.remove(school)
        assert names(alice) == list(NAMES)
        school.user_set.add(alice)
        assert names(alice) == ["small"]
        school.delete()
        assert names(alice) == list(NAMES)

    def test_asking_looks_nothing_up_that_is_known(self, alice: User) -> None:
        group(alice, "school", "small")
        names(alice)

        with CaptureQueriesContext(connection) as looked:
            offered.choose(alice, "small", "")
            offered.choose(alice, "", "large")

        assert len(looked) == 0

    def test_what_is_looked_up_while_it_changes_is_not_kept(
        self, alice: User, monkeypatch
    ) -> None:
        row = Quota.objects.create(user=alice, allowed_models=["small"])
        quotas.are_any()
        find = Quota.objects.filter

        def meanwhile(*args, **named):
            found = list(find(*args, **named))
            monkeypatch.undo()
            row.allowed_models = ["large"]
            row.save()
            return found

        monkeypatch.setattr(Quota.objects, "filter", meanwhile)

        assert quotas.may_use(alice.pk, "small")
        assert not quotas.may_use(alice.pk, "small")


class TestAsking:
    def test_a_named_one_that_is_closed_is_refused(self, alice: User) -> None:
        group(alice, "school", "small")

        error = refusal(alice, "large")

        assert (error.code, error.status, error.field) == (
            *("model_not_allowed", 403),
            "model",
        )
        assert "large" in str(error.message)
        assert "Choose another one" in str(error.message)

    def test_one_that_nobody_offers_is_not_found(self, alice: User) -> None:
        group(alice, "school", "gone")

        assert refusal(alice, "gone").code == "model_not_found"

    def test_the_default_is_the_first_that_is_open(self, alice: User) -> None:
        group(alice, "school", "small", "large")

        assert ask_default(alice).model == "large"

    def test_a_conversation_whose_model_was_closed_goes_on_with_it(
        self, alice: User
    ) -> None:
        before = ask(alice)
        Generation.objects.update(status="done")
        before.conversation.messages.update(status="done")
        group(alice, "school", "small")

        after = ask_default(alice, conversation=before.conversation_id)

        assert after.model == "small"
        assert Conversation.objects.get().model == "small"

    def test_where_none_is_open_it_says_so(self, alice: User) -> None:
        group(alice, "school", "gone")

        error = refusal(alice)

        assert (error.code, error.status) == ("model_not_allowed", 403)
        assert "none of the models" in str(error.message)

    def test_the_same_key_gets_its_answer_all_the_same(self, alice: User) -> None:
        before = ask(alice, key="k")
        group(alice, "school", "small")

        assert ask(alice, key="k").pk == before.pk


def ask_default(user: User, **where) -> Generation:
    return start(user, Ask("", {}), "a", **where)


class TestWithdrawn:
    pytestmark = pytest.mark.django_db(transaction=True)

    async def test_what_waits_is_refused_when_its_turn_comes(
        self, alice: User, bob: User
    ) -> None:
        waiting, other = [await in_database(ask, who) for who in (alice, bob)]
        await in_database(group, alice, "school", "small")

        async with runner_of():
            row, served = await finished(waiting), await finished(other)

        assert (row.status, row.error_code) == ("failed", "model_not_allowed")
        assert "Choose another one" in row.error_message
        assert not row.error_retryable
        assert (row.message.content, row.completion_tokens) == ("", 0)
        assert served.status == "done"

    async def test_what_has_begun_is_finished(self, alice: User) -> None:
        begun = await in_database(ask, alice)
        await in_database(claim_one, "dead")
        await in_database(
            Generation.objects.filter(pk=begun.pk).update,
            *(),
            lease_until=begun.created,
        )
        await in_database(group, alice, "school", "small")

        async with runner_of():
            row = await finished(begun)

        assert (row.status, row.attempt) == ("done", 2)

    async def test_every_process_hears_of_it(self, alice: User, running) -> None:
        told: list[str] = []

        def relay(name: str, _news: str) -> None:
            told.append(name)

        nudges.quotas.relay(relay)
        try:
            assert await in_database(quotas.may_use, alice.pk, "large")
            await in_database(
                Quota.objects.bulk_create, [Quota(user=alice, allowed_models=["small"])]
            )  # as another process does: no signal here
            assert await in_database(quotas.may_use, alice.pk, "large")
            nudges.quotas.deliver()

            async def has_heard() -> bool:
                return not await in_database(quotas.may_use, alice.pk, "large")

            await eventually(has_heard)
            await in_database(group, alice, "school", "small")
            await eventually(lambda: "quotas" in told)
        finally:
            nudges.quotas.unrelay(relay)

    def test_who_hears_nothing_finds_out(self, alice: User, monkeypatch) -> None:
        row = Quota.objects.create(user=alice, allowed_models=["small"])
        assert not quotas.may_use(alice.pk, "large")
        Quota.objects.filter(pk=row.pk).update(allowed_models=["large"])

        now = time.monotonic() + SECONDS + 1
        monkeypatch.setattr(time, "monotonic", lambda: now)

        assert quotas.may_use(alice.pk, "large")
