"""A file that is not right is refused, with the place and the reason."""

from __future__ import annotations

import json

import pytest

from chat.models import Conversation
from tests.core.bringing import MESSAGE, NODE, OWN, bring, refused

pytestmark = pytest.mark.django_db


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "place"),
        [
            (b"", "conversations"),
            (b"nonsense", "conversations"),
            (b"\xff\xfe[]", "conversations"),
            (b"PK\x03\x04", "conversations"),
            (b"5", "conversations"),
            (b"{}", "conversations"),
            (b'{"conversations": {}}', "conversations"),
            (b'{"other": [{"mapping": {}}]}', "conversations"),
            (b'{"format": "x", "conversations": []}', "format"),
            (b'{"version": 2, "conversations": []}', "version"),
            (b"[", "conversations"),
            (b"[{", "conversations[0]"),
            (b"[5]", "conversations[0]"),
            (b"[{}]", "conversations[0]"),
            (b"[[[]]]", "conversations[0]"),
            (b'[{"a": NaN}]', "conversations[0]"),
            (b"[" * 100_000, "conversations[0]"),
            ([{**NODE, "mapping": []}], "conversations[0].mapping"),
            ([{**NODE, "title": 5}], "conversations[0].title"),
            ([{**NODE, "create_time": "soon"}], "conversations[0].create_time"),
            ([{**NODE, "mapping": {"a": 1}}], "conversations[0].mapping.a"),
            (
                [{**NODE, "mapping": {"a": {"message": {"content": "x"}}}}],
                "conversations[0].mapping.a.message.content",
            ),
            (
                [{**NODE, "mapping": {"a": {"parent": "b"}, "b": {"parent": "a"}}}],
                "conversations[0].mapping",
            ),
            (
                [{"id": "1", "chat": {"history": {"messages": [1]}}}],
                "conversations[0].chat.history.messages",
            ),
            ([{**OWN, "id": "x"}], "conversations[0].id"),
            ([{**OWN, "messages": [{}]}], "conversations[0].messages[0].id"),
            (
                [{**OWN, "messages": [{**MESSAGE, "content": 1}]}],
                "conversations[0].messages[0].content",
            ),
            (
                [{**OWN, "messages": [{**MESSAGE, "parent": "?"}]}],
                "conversations[0].messages[0].parent",
            ),
        ],
    )
    def test_it_names_the_place(self, alice, data, place) -> None:
        assert refused(alice, data)[0] == place
        assert Conversation.objects.count() == 0

    def test_others_are_taken_and_the_problem_is_told(self, alice) -> None:
        report = bring(alice, [{**NODE, "title": 5}, NODE, 7])

        assert report.imported == 1
        assert [problem["field"] for problem in report.problems] == [
            "conversations[0].title",
            "conversations[2]",
        ]

    def test_what_came_before_a_broken_end_stays(self, alice) -> None:
        whole = json.dumps([NODE, {**NODE, "id": "2"}]).encode()

        assert refused(alice, whole[:-5])[0] == "conversations[1]"
        assert Conversation.objects.count() == 1

    def test_an_empty_list_is_nothing(self, alice) -> None:
        assert bring(alice, []).imported == 0

    def test_what_the_object_has_besides_is_passed_over(self, alice) -> None:
        document = {"account": {"conversations": [1]}, "conversations": [NODE]}

        assert bring(alice, document).imported == 1

    def test_a_mark_at_the_begin_is_no_harm(self, alice) -> None:
        assert bring(alice, b"\xef\xbb\xbf" + json.dumps([NODE]).encode()).imported == 1
