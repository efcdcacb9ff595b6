"""What ChatGPT and Open WebUI give out, read as it was there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chat.conversations import siblings_of
from chat.models import Conversation, Feedback, Generation, Message
from tests.core.bringing import bring, path, sample

pytestmark = pytest.mark.django_db


def said(messages: list[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in messages]


class TestChatGPT:
    @pytest.fixture
    def conversation(self, alice) -> Conversation:
        report = bring(alice, sample("chatgpt.json"))
        assert (report.imported, report.problems) == (1, [])
        return Conversation.objects.get()

    def test_the_active_path_is_the_one_that_was_open(self, conversation) -> None:
        assert said(path(conversation)) == [
            (
                "user",
                "[file: altitude.txt]\n\n"
                "At what temperature does water boil at 3,000 m?",
            ),
            (
                "assistant",
                "```python\nprint(100 - 3000 / 300)\n```\n\n"
                "```\n90.0\n```\n\n"
                "At about 90 °C.",
            ),
            ("user", "[image]\n\nWhat does this photo show?"),
            ("assistant", "A pot on a stove."),
        ]

    def test_thoughts_are_apart(self, conversation) -> None:
        answer = path(conversation)[1]

        assert answer.reasoning == "**Pressure**\n\nAt 3,000 m it is about 70 kPa."

    def test_branches_are_kept(self, conversation) -> None:
        first, answer = path(conversation)[:2]
        families = siblings_of([first, answer])
        texts = {
            key: [Message.objects.get(pk=pk).content for pk in family]
            for key, family in families.items()
        }

        assert texts[first.pk][1:] == ["And at 5,000 m?"]
        assert texts[answer.pk][1:] == ["Roughly 90 °C, says another model."]
        assert Message.objects.count() == 7

    def test_it_keeps_times_names_and_state(self, conversation) -> None:
        assert conversation.title == "Boiling water on a mountain"
        assert conversation.created == datetime.fromtimestamp(1736209400.25, UTC)
        assert conversation.updated == datetime.fromtimestamp(1736209900.5, UTC)
        assert (conversation.archived, conversation.pinned) == (True, False)
        first = path(conversation)[0]
        assert first.created == datetime.fromtimestamp(1736209410, UTC)
        models = Generation.objects.values_list("model", "status")
        assert sorted(models) == [
            ("gpt-9-mini", "done"),
            ("o9", "done"),
            ("o9", "done"),
            ("o9", "done"),
        ]

    def test_it_counts_what_it_left_out(self, alice) -> None:
        """A hologram and a narrator."""
        assert bring(alice, sample("chatgpt.json")).skipped == 2

    def test_two_continuations_of_a_piece_are_two_answers(self, alice) -> None:
        """Both begin with what they share."""

        def piece(text: str, parent: str | None, role: str = "assistant") -> Any:
            return {
                "parent": parent,
                "message": {
                    "author": {"role": role},
                    "content": {"content_type": "text", "parts": [text]},
                },
            }

        mapping = {
            "q": piece("Why?", None, "user"),
            "a": piece("Because", "q"),
            "b": piece("of this.", "a"),
            "c": piece("of that.", "a"),
            "d": piece("And then?", "b", "user"),
        }
        bring(alice, [{"mapping": mapping, "current_node": "c", "id": "1"}])

        answers = Message.objects.filter(role="assistant")
        assert {m.content for m in answers} == {
            "Because\n\nof this.",
            "Because\n\nof that.",
        }
        assert len({m.parent_id for m in answers}) == 1
        below = Message.objects.get(content="And then?").parent
        assert below is not None
        assert below.content == "Because\n\nof this."
        assert path(Conversation.objects.get())[-1].content == "Because\n\nof that."


class TestOpenWebUI:
    @pytest.fixture
    def cats(self, alice) -> Conversation:
        report = bring(alice, sample("openwebui.json"))
        assert (report.imported, report.skipped, report.problems) == (2, 1, [])
        return Conversation.objects.get(title="名字")

    def test_the_active_path_is_the_one_that_was_open(self, cats) -> None:
        assert said(path(cats)) == [
            ("user", "[image]\n\n[file: cats.txt]\n\n给猫起个名字"),
            ("assistant", "咪咪"),
            ("user", "谢谢\n\n[image]"),
        ]

    def test_thoughts_are_apart(self, cats) -> None:
        other = Message.objects.get(content="小花")

        assert other.reasoning == "A cat & its name.\nShort."

    def test_it_keeps_times_state_and_feedback(self, cats) -> None:
        assert (cats.pinned, cats.system_prompt) == (True, "Answer in Chinese.")
        assert cats.created == datetime.fromtimestamp(1737000000, UTC)
        assert cats.updated == datetime.fromtimestamp(1737000040, UTC)
        feedback = Feedback.objects.get()
        assert (feedback.rating, feedback.comment) == (1, "好")
        assert feedback.message.content == "小花"
        assert [tag.name for tag in cats.tags.all()] == ["pets"]

    def test_old_chats_without_a_tree(self, cats) -> None:
        old = Conversation.objects.get(title="Old")

        assert said(path(old)) == [("user", "Hello"), ("assistant", "Hi!")]
        assert old.created == datetime.fromtimestamp(1700000000, UTC)
