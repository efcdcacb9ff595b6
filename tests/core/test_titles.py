"""Titles: from the prompt, from the model, from the user, and who wins."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from chat import titles
from chat.models import Conversation
from chat.titles import TITLE_CHARS, title_from, title_in
from tests.api.helpers import answered
from tests.core.helpers import ask, claim_one, ended, finish


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("Hello", "Hello"),
        ("  Hello\n\nthere ", "Hello there"),
        ("word " * 30, "word word word word word word word word word word word word…"),
        ("你" * 80, "你" * TITLE_CHARS + "…"),
        ('Sum up\n\n<file name="a.txt">\naa\n</file>', "Sum up"),
        ('<file name="a b.txt">\naa\n</file>', "a b.txt"),
        ("short " + "x" * 80, ("short " + "x" * 80)[:TITLE_CHARS] + "…"),
    ],
)
def test_a_title_is_the_beginning_cut_at_a_word(prompt: str, title: str) -> None:
    assert title_from(prompt) == title


@given(st.text())
def test_a_title_always_fits(prompt: str) -> None:
    assert len(title_from(prompt)) <= TITLE_CHARS + 1
    assert len(title_in(prompt)) <= TITLE_CHARS + 1


@pytest.mark.parametrize(
    ("reply", "title"),
    [
        ("Tea with milk", "Tea with milk"),
        ('"Tea with milk."', "Tea with milk"),
        ("\n\n# Tea with milk\n\nBecause it is about tea.", "Tea with milk"),
        ("**Title:** Tea with milk", "Tea with milk"),
        ("Title: “Tea with milk”", "Tea with milk"),
        ("标题：《加奶的茶》", "加奶的茶"),
        ("“加奶的茶。”", "加奶的茶"),
        ("What is C++?", "What is C++?"),
        ("", ""),
        ('"."\n***', ""),
    ],
)
def test_what_models_put_around_a_title_goes(reply: str, title: str) -> None:
    assert title_in(reply) == title


class TestClaim:
    @pytest.fixture(autouse=True)
    def on(self, settings) -> None:
        settings.CHAT_AUTO_TITLES = True

    def test_it_asks_once_after_the_first_answer(self, alice: User) -> None:
        first = answered(alice, "An answer.", prompt="A question?")
        second = answered(alice, conversation=first.conversation_id)

        asked = titles.claim(first.pk)

        assert asked is not None
        assert (asked.question, asked.answer) == ("A question?", "An answer.")
        assert titles.claim(first.pk) is None
        assert titles.claim(second.pk) is None

    def test_it_asks_after_a_later_answer_when_the_first_one_failed(
        self, alice
    ) -> None:
        first = ask(alice)
        held = claim_one()
        finish(held, ended(held, "", "failed"))
        second = answered(alice, conversation=first.conversation_id)

        assert titles.claim(first.pk) is None
        assert titles.claim(second.pk) is not None

    def test_what_a_user_named_stays(self, alice) -> None:
        row = answered(alice)
        titles.rename(row.conversation_id, " Mine ")

        assert titles.claim(row.pk) is None
        assert Conversation.objects.get().title == "Mine"

    def test_a_user_is_never_overruled(self, alice) -> None:
        """Not by what the model was asked for before."""
        row = answered(alice)
        titles.claim(row.pk)
        titles.rename(row.conversation_id, "Mine")

        assert titles.put(row.conversation_id, "The model's") is False
        assert Conversation.objects.get().title == "Mine"

    def test_not_for_programs(self, alice) -> None:
        row = answered(alice)
        Conversation.objects.update(source="api")

        assert titles.claim(row.pk) is None

    def test_not_when_it_is_switched_off(self, alice, settings) -> None:
        row = answered(alice)
        settings.CHAT_AUTO_TITLES = False

        assert titles.claim(row.pk) is None
        assert Conversation.objects.get().title_source == "prompt"

    def test_the_language_of_the_request_is_the_conversation_s(self, alice) -> None:
        row = answered(alice, "可以。", prompt="能用中文吗？")

        asked = titles.claim(row.pk)

        assert asked is not None
        system, told = asked.messages()
        assert "标题" in system["content"]
        assert "能用中文吗？" in told["content"]

    def test_long_texts_are_cut(self, alice) -> None:
        row = answered(alice, "word {braces} " * 1000)

        asked = titles.claim(row.pk)

        assert asked is not None
        assert sum(len(m["content"]) for m in asked.messages()) < 2500


@pytest.mark.parametrize(
    ("setting", "model", "wanted"),
    [
        (None, "demo", False),
        (None, "scripted", False),
        (None, "Qwen/Qwen3-8B", True),
        (True, "demo", True),
        (False, "Qwen/Qwen3-8B", False),
    ],
)
def test_which_models_are_asked(settings, setting, model, wanted) -> None:
    settings.CHAT_AUTO_TITLES = setting

    assert titles.wanted(model) is wanted
