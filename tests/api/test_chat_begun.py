"""Beginning an answer: without waiting for it, and once for one key."""

from __future__ import annotations

import asyncio
import json

import pytest

from chat.models import Generation
from tests.api.chatting import answer, ask, row_of
from tests.reading import body, finished, scripted, shown

pytestmark = pytest.mark.django_db(transaction=True)


class TestAskingForTheStartAlone:
    """A page that has a socket open watches the answer there."""

    WISH = {"headers": {"Prefer": "respond-async, wait=5"}}

    async def test_it_answers_with_the_start(self, running, alices) -> None:
        response = await ask(alices, "pace=0 n=3", **self.WISH)

        row = await row_of(response)
        assert response.status_code == 202
        assert json.loads(response.content) == {
            "generation": str(row.pk),
            "conversation": str(row.conversation_id),
            "user_message": str(row.message.parent_id),
            "message": str(row.message_id),
            "model": "scripted",
            "attempt": 1,
        }
        assert response.headers["Location"] == f"/api/generations/{row.pk}"
        assert response.headers["Preference-Applied"] == "respond-async"
        assert (await finished(row)).message.content == scripted(3)

    async def test_every_way_to_start_knows_it(self, running, alices) -> None:
        said = await answer(alices)
        for what, fields in (("regenerate", {}), ("edit", {"prompt": "n=1 pace=0"})):
            of = said["message" if what == "regenerate" else "user_message"]
            response = await alices.post(
                f"/api/messages/{of}/{what}",
                fields,
                content_type="application/json",
                **self.WISH,
            )
            assert response.status_code == 202
            assert json.loads(response.content)["generation"]

    async def test_other_wishes_change_nothing(self, running, alices) -> None:
        response = await ask(alices, "n=1 pace=0", headers={"Prefer": "wait=5"})

        assert response.status_code == 200
        assert shown(await body(response)).end


class TestIdempotency:
    async def test_the_same_key_attaches_to_the_same_generation(
        self, running, alices
    ) -> None:
        headers = {"Idempotency-Key": "k"}
        first = await ask(alices, headers=headers)
        page = shown(await body(first))
        second = await ask(alices, headers=headers)
        again = shown(await body(second))

        assert first.headers["X-Generation-Id"] == second.headers["X-Generation-Id"]
        assert (again.text, again.end) == (page.text, page.end)
        assert await Generation.objects.acount() == 1

    async def test_also_at_the_same_time_and_by_either_way(
        self, running, alices
    ) -> None:
        headers = {"Idempotency-Key": "k"}
        responses = await asyncio.gather(
            *[ask(alices, path="/api/chat", headers=headers) for _ in range(3)],
            *[ask(alices, headers=headers) for _ in range(3)],
        )
        bodies = [await body(response) for response in responses]

        assert len({r.headers["X-Generation-Id"] for r in responses}) == 1
        assert {shown(data).text for data in bodies[3:]} == {scripted(5)}
        assert all(b'"response"' in data for data in bodies[:3])
        assert await Generation.objects.acount() == 1

    async def test_bobs_key_is_his_own(self, running, alices, bobs) -> None:
        headers = {"Idempotency-Key": "k"}
        first = await ask(alices, headers=headers)
        second = await ask(bobs, headers=headers)
        await body(first)
        await body(second)

        assert first.headers["X-Generation-Id"] != second.headers["X-Generation-Id"]
