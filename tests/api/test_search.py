"""`GET /api/conversations?q=`: found in titles and messages, shown where."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from chat.api.paging import pack
from chat.models import Conversation, Message, Passage
from chat.privacy import removal
from chat.search import find
from tests.api.helpers import answered, error_of
from tests.core.helpers import ask
from tests.search.helpers import catch_up, converse

pytestmark = pytest.mark.django_db
PATH = "/api/conversations"


def search(api: Client, q: str, **query: Any) -> list[dict[str, Any]]:
    """All pages of it."""
    found, cursor = [], None
    while True:
        place = {"cursor": cursor} if cursor else {}
        page = api.get(PATH, {"q": q} | query | place).json()
        found += page["items"]
        if (cursor := page["next"]) is None:
            return found


def titles(api: Client, q: str, **query: Any) -> list[str]:
    return [item["title"] for item in search(api, q, **query)]


def marked(snippet: dict[str, Any]) -> list[str]:
    return [snippet["text"][a:b] for a, b in snippet["ranges"]]


class TestWhatIsFound:
    def test_titles_and_messages(self, api: Client, alice: User) -> None:
        converse(alice, "Holidays")
        converse(alice, "Other", "Schöne Ferien", "Ja, 祝你假期愉快")
        catch_up()

        assert titles(api, "holi") == ["Holidays"]
        assert titles(api, " FERIEN ") == ["Other"]
        assert titles(api, "schöne ferien") == ["Other"]
        assert titles(api, "假期") == ["Other"]
        assert titles(api, "bogus") == []

    def test_all_words_in_one_text(self, api, alice) -> None:
        converse(alice, "both", "red and blue")
        converse(alice, "apart", "red", "blue")
        catch_up()

        assert titles(api, "blue red") == ["both"]

    def test_an_answer_once_it_has_ended(self, api, alice) -> None:
        answered(alice, "the mitochondrion", prompt="What is the powerhouse?")
        ask(alice, "What is a mitochondrion?")
        catch_up()

        assert titles(api, "mitochondrion") == ["What is the powerhouse?"]

    def test_a_new_title_and_not_the_old_one(self, api, alice) -> None:
        row = converse(alice, "Old name")
        catch_up()
        body = {"title": "New name"}
        api.patch(f"{PATH}/{row.pk}", body, content_type="application/json")
        catch_up()

        assert titles(api, "old") == []
        assert titles(api, "new") == ["New name"]

    def test_nothing_of_bobs(self, api, bob) -> None:
        converse(bob, "secret", "secret")
        catch_up()

        assert search(api, "secret") == []

    def test_nothing_that_programs_asked(self, api, alice) -> None:
        row = converse(alice, "word", "word")
        Conversation.objects.filter(pk=row.pk).update(source="api")
        catch_up()

        assert search(api, "word") == []
        assert search(api, "word", source="api") == []

    def test_nothing_deleted(self, api, alice) -> None:
        row = converse(alice, "word", "word")
        catch_up()
        removal.remove([row.pk], alice)

        assert search(api, "word") == []

    def test_archived_ones_apart(self, api, alice) -> None:
        row = converse(alice, "word")
        converse(alice, "another word")
        Conversation.objects.filter(pk=row.pk).update(archived=True)
        catch_up()

        assert titles(api, "word") == ["another word"]
        assert titles(api, "word", archived="true") == ["word"]

    @pytest.mark.parametrize("query", ["%", "_", "\\", "'", '"', "\0", "  ", "* OR a"])
    def test_odd_queries_are_plain_text(self, api, alice, query) -> None:
        converse(alice, "Holidays")
        catch_up()

        found = titles(api, query)

        assert found == ([] if query.strip(" \0") else ["Holidays"])


class TestSnippets:
    def test_they_show_where(self, api, alice) -> None:
        row = converse(alice, "Tea", "How do I make TEA?", "Boil\nwater for the tea.")
        catch_up()

        [item] = search(api, "tea")

        title, said = item["snippets"]
        assert (title["message"], title["text"], title["ranges"]) == (
            None,
            "Tea",
            [[0, 3]],
        )
        answer = Message.objects.get(conversation=row, role="assistant")
        assert said["message"] == str(answer.pk)
        assert said["text"] == "Boil water for the tea."
        assert marked(said) == ["tea"]

    def test_a_long_text_is_cut_around_it(self, api, alice) -> None:
        converse(alice, "", "word " * 500 + "数据库😀 needle here " + "word " * 500)
        catch_up()

        [item] = search(api, "库😀 NEEDLE")

        [said] = item["snippets"]
        assert len(said["text"]) < 200
        assert marked(said) == ["库😀", "needle"]
        assert said["text"][0] == said["text"][-1] == "…"

    def test_without_a_query_there_are_none(self, api, alice) -> None:
        converse(alice, "Tea")

        assert "snippets" not in api.get(PATH).json()["items"][0]

    def test_a_message_that_is_found_can_be_opened(self, api, alice) -> None:
        """Also on a branch that is not looked at."""
        row = converse(alice, "", "the first question", "an answer")
        other = Message.objects.create(
            conversation=row, role="user", content="another question"
        )
        catch_up()
        [item] = search(api, "another")
        leaf = item["snippets"][0]["message"]

        shown = api.get(f"{PATH}/{row.pk}/messages", {"leaf": leaf}).json()["items"]

        assert [message["id"] for message in shown] == [str(other.pk)]


class TestPages:
    def test_newest_match_first(self, api, alice) -> None:
        old = converse(alice, "a", "word")
        converse(alice, "b", "word")
        catch_up()
        Message.objects.create(conversation=old, role="user", content="word again")
        Conversation.objects.filter(pk=old.pk).update(indexed=False)
        catch_up()

        assert titles(api, "word") == ["a", "b"]

    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    def test_each_conversation_once(self, api, alice, limit) -> None:
        """Whatever the number of its matches, also on other pages."""
        for number in range(6):
            converse(alice, str(number), "word", "a word")
        catch_up()
        for number in (0, 3):
            row = Conversation.objects.get(title=str(number))
            Message.objects.create(conversation=row, role="user", content="word!")
            Conversation.objects.filter(pk=row.pk).update(indexed=False)
            catch_up()

        assert titles(api, "word", limit=limit) == ["3", "0", "5", "4", "2", "1"]

    def test_a_passage_removed_meanwhile_does_not_end_it(
        self, api, alice, monkeypatch
    ) -> None:
        """PostgreSQL lists the passages once, and reads them batch by batch."""
        rows = [converse(alice, f"word {number}") for number in range(9)]
        catch_up()
        monkeypatch.setattr(find, "WALKED", 1)
        monkeypatch.setattr(find, "BATCHES", [2] * 9)
        read, reads = find.read, count()

        def remove_then_read(*args: Any) -> list[find.Hit]:
            if next(reads) == 1:
                Passage.objects.filter(conversation=rows[6]).delete()
            return read(*args)

        monkeypatch.setattr(find, "WALKS", 1)
        monkeypatch.setattr(find, "read", remove_then_read)

        wanted = [f"word {number}" for number in (8, 7, 5, 4, 3, 2, 1, 0)]
        assert titles(api, "word", limit=50) == wanted

    @pytest.mark.parametrize(
        "cursor", ["bogus", pack("a"), pack("-1"), pack("1", "2"), pack(str(2**70))]
    )
    def test_it_refuses_a_cursor_it_never_gave_out(self, api, cursor) -> None:
        error = error_of(api.get(PATH, {"q": "word", "cursor": cursor}), 400)

        assert error["field"] == "cursor"

    def test_it_refuses_a_query_that_is_too_long(self, api) -> None:
        assert error_of(api.get(PATH, {"q": "x" * 201}), 400)["field"] == "q"

    def test_the_number_of_queries_does_not_grow(
        self, api, alice, django_assert_max_num_queries
    ) -> None:
        for number in range(20):
            converse(alice, f"word {number}", "word")
        catch_up()

        with django_assert_max_num_queries(10):
            assert len(api.get(PATH, {"q": "word"}).json()["items"]) == 20


def test_what_was_there_before_is_caught_up_with(api, alice) -> None:
    """An import, or rows of a version without search."""
    rows = [
        Conversation(owner=alice, title=f"word {number}", updated=timezone.now())
        for number in range(30)
    ]
    Conversation.objects.bulk_create(rows)
    Message.objects.bulk_create(
        Message(conversation=rows[0], role="user", content=f"message {number}")
        for number in range(100)
    )
    catch_up()

    assert len(search(api, "word")) == 30
    assert titles(api, "message 99") == ["word 0"]
