"""Another answer, and another question: `regenerate` and `edit`."""

from __future__ import annotations

import pytest

from tests.api.chatting import answer, ask, post, row_of
from tests.reading import body, scripted, shown

pytestmark = pytest.mark.django_db(transaction=True)


class TestSiblings:
    async def test_regenerating_streams_another_answer(self, running, alices) -> None:
        first = await answer(alices)
        response = await post(alices, f"/api/messages/{first['message']}/regenerate")
        page = shown(await body(response))

        assert page.text == scripted(5)
        assert page.events[0].user_message == first["user_message"]
        assert page.events[0].message != first["message"]

    async def test_with_other_parameters(self, running, alices) -> None:
        first = await answer(alices)
        response = await alices.post(
            f"/api/messages/{first['message']}/regenerate",
            {"params": {"max_tokens": 2}},
            content_type="application/json",
        )

        assert shown(await body(response)).text == scripted(2)

    async def test_editing_streams_the_answer_to_another_question(
        self, running, alices
    ) -> None:
        first = await answer(alices)
        response = await alices.post(
            f"/api/messages/{first['user_message']}/edit",
            {"prompt": "pace=0 n=7"},
            content_type="application/json",
        )

        assert shown(await body(response)).text == scripted(7)

    async def test_not_bobs(self, running, alices, bobs) -> None:
        first = await answer(alices)
        for path in (
            f"/api/messages/{first['message']}/regenerate",
            f"/api/messages/{first['user_message']}/edit",
        ):
            body_ = {"prompt": "x"} if "edit" in path else {}
            response = await post(bobs, path, body_)
            assert response.status_code == 404

    async def test_not_while_it_is_written(self, running, alices) -> None:
        response = await ask(alices, "pace=0 n=5 hang=1")
        row = await row_of(response)

        again = await post(alices, f"/api/messages/{row.message_id}/regenerate")

        assert again.status_code == 409
        assert again.json()["error"]["code"] == "generation_running"
