"""Exports: whole, exact, and read a page at a time."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from chat import exporting, sharing
from chat.exporting import pages
from chat.models import (
    ApiKey,
    Conversation,
    Feedback,
    Generation,
    Message,
    Preferences,
    PromptTemplate,
)
from tests.api.helpers import answered
from tests.core.helpers import ask

pytestmark = pytest.mark.django_db


def whole(user: User) -> dict:
    return json.loads(b"".join(exporting.whole_as_json(user)))


def make(owner: User, messages: int = 2, **fields) -> Conversation:
    row = Conversation.objects.create(owner=owner, updated=timezone.now(), **fields)
    Message.objects.bulk_create(
        Message(
            conversation=row,
            role=("user", "assistant")[place % 2],
            content=f"{row.title} {place}",
            created=timezone.now() + timedelta(seconds=place // 2),
        )
        for place in range(messages)
    )
    return row


class TestJson:
    def test_it_has_all_there_is(self, alice) -> None:
        job = answered(alice, "The answer", prompt="题目", system_prompt="Be kind.")
        Feedback.objects.create(message=job.message, rating=1, comment="Yes")

        document = whole(alice)
        [conversation] = document["conversations"]
        question, answer = conversation["messages"]

        assert (document["format"], document["version"]) == ("chatsite", 1)
        assert conversation["id"] == str(job.conversation_id)
        assert conversation["leaf"] == answer["id"] == str(job.message_id)
        assert conversation["system_prompt"] == "Be kind."
        assert (question["role"], question["content"]) == ("user", "题目")
        assert answer["parent"] == question["id"]
        assert (answer["content"], answer["reasoning"]) == ("The answer", "so")
        assert answer["generation"]["usage"]["completion_tokens"] == 3
        assert answer["generation"]["timing"]["total_ms"] >= 0
        assert answer["feedback"]["comment"] == "Yes"

    def test_it_has_branches(self, alice) -> None:
        job = answered(alice)
        Message.objects.create(
            conversation=job.conversation,
            parent=job.message.parent,
            role="assistant",
            content="Other",
        )

        [conversation] = whole(alice)["conversations"]
        parents = [message["parent"] for message in conversation["messages"]]
        assert parents[1] == parents[2] == conversation["messages"][0]["id"]

    def test_an_answer_that_is_being_written_is_there_so_far(self, alice) -> None:
        ask(alice)
        Generation.objects.update(text="So far")

        [conversation] = whole(alice)["conversations"]
        assert conversation["messages"][1]["content"] == "So far"
        assert conversation["messages"][1]["status"] == "queued"

    def test_it_has_the_account_and_no_secret(self, alice) -> None:
        _row, key = ApiKey.objects.create_key(alice, "laptop")
        Preferences.objects.create(user=alice, theme="dark")
        PromptTemplate.objects.create(owner=alice, name="t", text="Summarise")
        share, _new = sharing.share(alice, answered(alice).conversation_id)
        EmailAddress.objects.create(user=alice, email="a@example.org")
        data = {"secret": "a second factor"}
        Authenticator.objects.create(user=alice, type="totp", data=data)
        SocialAccount.objects.create(user=alice, provider="x", uid="alice-there")

        document = whole(alice)
        text = json.dumps(document)

        assert document["account"]["username"] == "alice"
        address = {"email": "a@example.org", "verified": False, "primary": False}
        assert document["account"]["email_addresses"] == [address]
        assert document["account"]["two_factor"][0]["type"] == "totp"
        assert "second factor" not in text
        assert document["account"]["single_sign_on"][0]["uid"] == "alice-there"
        assert document["preferences"]["theme"] == "dark"
        assert document["prompt_templates"][0]["text"] == "Summarise"
        assert document["usage"][0]["completion_tokens"] == 3
        assert document["api_keys"][0]["name"] == "laptop"
        assert document["shares"][0]["conversation"] == str(share.conversation_id)
        for secret in (key, ApiKey.objects.get().hash, share.token, alice.password):
            assert secret not in text

    def test_it_has_nothing_of_bob(self, alice, bob) -> None:
        answered(bob, "Bob's")

        assert whole(alice)["conversations"] == []

    def test_one_conversation_alone(self, alice) -> None:
        first, second = make(alice, title="a"), make(alice, title="b")

        document = json.loads(b"".join(exporting.one_as_json(second.pk)))

        assert [c["title"] for c in document["conversations"]] == ["b"]
        assert "account" not in document
        assert first.pk != second.pk


class TestPages:
    @pytest.mark.parametrize("size", [1, 2, 3, 5, 200])
    def test_every_message_once_whatever_the_page(
        self, alice, monkeypatch, size
    ) -> None:
        """Also where pages end between messages of the same moment."""
        monkeypatch.setattr(pages, "MESSAGES", size)
        for number, count in enumerate([0, 5, 1, 8, 2]):
            make(alice, count, title=str(number))

        told = whole(alice)["conversations"]

        assert {c["title"]: len(c["messages"]) for c in told} == {
            "0": 0,
            "1": 5,
            "2": 1,
            "3": 8,
            "4": 2,
        }
        for conversation in told:
            texts = {message["content"] for message in conversation["messages"]}
            title = conversation["title"]
            assert texts == {f"{title} {n}" for n in range(len(texts))}

    def test_a_page_has_so_much_text_and_no_more(self, alice, monkeypatch) -> None:
        monkeypatch.setattr(pages, "CHARS", 10)
        monkeypatch.setattr(pages, "FETCH", 1)
        make(alice, 6, title="abcdefghij")

        with CaptureQueriesContext(connection) as asked:
            assert len(whole(alice)["conversations"][0]["messages"]) == 6

        reads = [q for q in asked if 'FROM "chat_message"' in q["sql"]]
        assert len(reads) == 7

    def test_queries_grow_with_pages_not_with_conversations(self, alice) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as asked:
                whole(alice)
            return len(asked)

        make(alice, 2)
        before = queries()
        for _ in range(pages.CONVERSATIONS - 1):
            make(alice, 2)

        assert queries() == before

    @pytest.mark.parametrize(("early", "left"), [(True, [2, 2]), (False, [2, 0, 2])])
    def test_a_conversation_that_goes_meanwhile_takes_no_other_along(
        self, alice, monkeypatch, early, left
    ) -> None:
        """Before its page is read, or before its messages are."""
        gone = sorted(make(alice, 2).pk for _ in range(3))[1]
        read = pages.conversations

        def meanwhile(ids):
            rows = read(ids)
            Conversation.objects.filter(pk=gone).delete()
            return read(ids) if early else rows

        monkeypatch.setattr(pages, "conversations", meanwhile)

        told = whole(alice)["conversations"]
        assert [len(c["messages"]) for c in told] == left

    def test_the_ids_are_small(self, alice, monkeypatch) -> None:
        monkeypatch.setattr(pages, "CONVERSATIONS", 2)
        made = {make(alice, 0).pk for _ in range(5)}
        ids = pages.Ids(Conversation.objects.owned_by(alice))

        assert len(ids) == 5
        assert {pk for page in ids.pages() for pk in page} == made

    def test_the_database_does_not_sort_messages(self, alice) -> None:
        """An index has them in order; sorting would read all before the first."""
        rows = Message.objects.filter(
            conversation__in=[make(alice).pk for _ in range(3)]
        ).order_by("conversation_id", "created", "id")

        plan = rows[:5].explain()

        assert "message_transcript" in plan or "Scan" in plan
        assert "TEMP B-TREE" not in plan


class TestMarkdown:
    def test_it_is_the_active_path(self, alice) -> None:
        job = answered(alice, "The *answer*", prompt="The question")
        Message.objects.create(
            conversation=job.conversation,
            parent=job.message.parent,
            role="assistant",
            content="Other",
        )
        Conversation.objects.update(title="A\ntitle", system_prompt="Be kind.")
        row = Conversation.objects.get()

        text = b"".join(exporting.one_as_markdown(row)).decode()

        head, system, question, answer = text.split("\n## ")
        assert head == "# A title\n"
        assert system == "System prompt\n\nBe kind.\n"
        assert question.startswith("You\n\n*20")
        assert question.endswith("*\n\nThe question\n")
        assert answer.startswith("Answer · scripted\n\n*20")
        assert answer.endswith("*\n\n> **Thoughts**\n>\n> so\n\nThe *answer*\n")

    def test_it_speaks_the_readers_language(self, alice) -> None:
        row = answered(alice).conversation
        with translation.override("zh-hans"):
            steps = exporting.one_as_markdown(row)

        assert "## 你" in b"".join(steps).decode()

    def test_an_empty_one_has_a_name(self, alice) -> None:
        text = b"".join(exporting.one_as_markdown(make(alice, 0))).decode()

        assert text == "# Untitled\n"
