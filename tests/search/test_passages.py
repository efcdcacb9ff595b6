"""What search reads is kept in step with titles and messages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections

from chat.database import write
from chat.models import Conversation, Generation, Message, Passage
from chat.search import passages
from chat.search.passages import index_some
from tests.core.helpers import ask
from tests.core.racing import race
from tests.search.helpers import catch_up, converse


def bodies() -> list[str]:
    """All that is searched, in the order in which it is found."""
    rows = Passage.objects.order_by("pk").values_list("body", flat=True)
    return [body.removesuffix(passages.ENDS) for body in rows]


def say(row: Conversation, text: str) -> None:
    """News, as every writer tells of them."""
    with write():
        Message.objects.create(conversation=row, role="user", content=text)
        Conversation.objects.filter(pk=row.pk).update(indexed=False)


def is_new(row: Conversation) -> bool:
    return not Conversation.objects.get(pk=row.pk).indexed


@pytest.mark.django_db
class TestWhatIsIndexed:
    def test_titles_and_messages_as_they_were_written(self, alice) -> None:
        converse(alice, "Tea", "How long?", "THREE minutes")
        converse(alice, "", "and coffee?")
        catch_up()

        assert bodies() == ["tea", "how long?", "three minutes", "and coffee?"]

    def test_what_is_new_and_nothing_twice(self, alice) -> None:
        row = converse(alice, "Tea", "first", "second")
        catch_up()
        say(row, "third")
        catch_up()

        assert bodies() == ["tea", "first", "second", "third"]

    def test_a_title_that_changes_and_goes(self, alice) -> None:
        row = converse(alice, "Tea", "first")
        catch_up()
        mine = Conversation.objects.filter(pk=row.pk)
        mine.update(title="Coffee", indexed=False)
        catch_up()
        assert bodies() == ["coffee", "first"]

        mine.update(title="", indexed=False)
        catch_up()
        assert bodies() == ["first"]

    def test_nothing_that_a_program_asked(self, alice) -> None:
        row = converse(alice, "Tea", "first")
        Conversation.objects.update(source="api")

        assert not index_some()
        assert bodies() == []
        assert not is_new(row)

    @pytest.mark.parametrize("status", ["queued", "running"])
    def test_nothing_where_an_answer_is_being_written(self, alice, status) -> None:
        row = ask(alice, "hello").conversation
        Generation.objects.update(status=status)
        catch_up()
        assert bodies() == []
        assert is_new(row)

        Generation.objects.update(status="done")
        catch_up()
        assert bodies() == ["hello", "hello"]


@pytest.mark.django_db
class TestALook:
    def test_a_few_are_one_look(self, alice, django_assert_max_num_queries) -> None:
        """Nobody has to look again to see that there are no more."""
        for number in range(9):
            converse(alice, f"title {number}", "question", "answer")

        with django_assert_max_num_queries(7):  # two of them begin and end it
            assert not index_some()
        assert Passage.objects.count() == 27
        with django_assert_max_num_queries(1):
            assert not index_some()

    @pytest.mark.parametrize(
        ("bound", "size"), [("CONVERSATIONS", 2), ("MESSAGES", 3), ("CHARACTERS", 11)]
    )
    def test_it_is_bounded_and_the_next_one_goes_on(
        self, alice, monkeypatch, bound, size
    ) -> None:
        monkeypatch.setattr(passages, bound, size)
        for number in range(5):
            converse(alice, "", f"a {number}", f"b {number}", f"c {number}")
        before = 0
        while index_some():
            told = Passage.objects.count() - before
            assert (
                0 < told <= {"CONVERSATIONS": 6, "MESSAGES": 3, "CHARACTERS": 4}[bound]
            )
            before += told

        assert bodies() == [f"{name} {n}" for n in range(5) for name in "abc"]
        assert not Conversation.objects.filter(indexed=False).exists()

    def test_a_message_beyond_the_bound_is_indexed_alone(
        self, alice, monkeypatch
    ) -> None:
        monkeypatch.setattr(passages, "CHARACTERS", 5)
        converse(alice, "", "a long message", "another long one")

        assert index_some()
        assert bodies() == ["a long message"]
        assert not index_some()
        assert bodies() == ["a long message", "another long one"]


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    """Writers, and other processes that index."""

    @pytest.fixture
    def meanwhile(self, monkeypatch) -> Callable[[Callable[[], Any]], threading.Thread]:
        """Somebody else begins this when some has been read, and nothing written. They
        may wait for us; if they need not, they are done before we go on."""

        def begin(work: Callable[[], Any]) -> threading.Thread:
            def run() -> None:
                try:
                    work()
                finally:
                    connections.close_all()

            other = threading.Thread(target=run)

            def read(*args: Any) -> Any:
                if other.ident is None:
                    other.start()
                    other.join(0.5)
                return titles(*args)

            titles = passages.new_titles
            monkeypatch.setattr(passages, "new_titles", read)
            return other

        return begin

    def test_news_that_come_meanwhile_are_not_lost(self, alice, meanwhile) -> None:
        row = converse(alice, "Tea", "first")
        other = meanwhile(lambda: say(row, "second"))
        index_some()
        other.join()
        assert bodies() == ["tea", "first"]
        assert is_new(row)

        catch_up()
        assert bodies() == ["tea", "first", "second"]

    def test_nor_is_a_new_title(self, alice, meanwhile) -> None:
        row = converse(alice, "Tea", "first")

        def rename() -> None:
            with write():
                mine = Conversation.objects.filter(pk=row.pk)
                mine.update(title="Coffee", indexed=False)

        other = meanwhile(rename)
        index_some()
        other.join()
        assert is_new(row)

        catch_up()
        assert bodies() == ["coffee", "first"]

    def test_two_do_not_read_the_same(self, alice, meanwhile) -> None:
        converse(alice, "Tea", "first", "second")
        said: list[bool] = []
        other = meanwhile(lambda: said.append(index_some()))
        index_some()
        other.join()

        assert said == [False]
        assert bodies() == ["tea", "first", "second"]

    def test_they_do_not_wait_for_whose_row_is_held(self, alice) -> None:
        """On SQLite, where every write waits for the others, nobody holds a row."""
        held = converse(alice, "held", "")
        free = converse(alice, "free", "")
        let_go, holds = threading.Event(), threading.Event()
        in_time: list[bool] = []

        def hold() -> None:
            with write():
                Conversation.objects.filter(pk=held.pk).update(archived=True)
                holds.set()
                if connection.features.has_select_for_update:
                    in_time.append(let_go.wait(60))
            connections.close_all()

        other = threading.Thread(target=hold)
        other.start()
        holds.wait(60)
        index_some()
        assert "free" in bodies()
        assert not is_new(free)

        let_go.set()
        other.join()
        assert all(in_time)
        catch_up()
        assert sorted(bodies()) == ["free", "held"]

    @pytest.mark.parametrize("answer", [True, False])
    def test_it_looks_again_at_what_it_found(self, alice, monkeypatch, answer) -> None:
        """Between its look and its turn an answer began, or somebody else was first."""
        row = converse(alice, "Tea", "first", "second")
        take = passages.take

        def later(found: list[Any]) -> Any:
            monkeypatch.setattr(passages, "take", take)
            if answer:
                ask(alice, "third", conversation=row.pk)
            else:
                index_some()
            return take(found)

        monkeypatch.setattr(passages, "take", later)

        assert not index_some()
        assert bodies() == ([] if answer else ["tea", "first", "second"])
        assert is_new(row) == answer

    def test_many_at_once(self, alice, monkeypatch) -> None:
        """Whoever writes and whoever indexes: all of it, once."""
        monkeypatch.setattr(passages, "CONVERSATIONS", 2)
        monkeypatch.setattr(passages, "MESSAGES", 2)
        rows = [converse(alice, f"title {number}", "begin") for number in range(4)]

        def work(number: int) -> None:
            for turn in range(6):
                say(rows[(number + turn) % 4], f"text {number} {turn}")
                index_some()

        race(work)
        catch_up()

        texts = Message.objects.values_list("content", flat=True)
        titles = [row.title for row in rows]
        assert sorted(bodies()) == sorted([*texts, *titles])
        assert not Conversation.objects.filter(indexed=False).exists()
