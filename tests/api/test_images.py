"""`/api/images`: asking, refusals, and the files."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image

from chat.models import ApiKey, Generation, Picture, Quota
from chat.models.picture import files
from chat.pictures import serving
from chat.privacy import removal
from tests.api.chatting import answer, post, row_of
from tests.api.helpers import NOWHERE, error_of, stored
from tests.pictures.helpers import QUICK, asked, draw, pictures
from tests.reading import body, shown

streams = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


@pytest.fixture
def refused(api: Client):
    """The error of /api/images, and nothing stored."""

    def send(status: int = 400, **fields: Any) -> dict[str, str]:
        for path in ("/api/images", "/api/images/stream"):
            response = api.post(
                path,
                {"prompt": "a panda", **fields},
                content_type="application/json",
            )
            error = error_of(response, status)
        assert stored() == (0, 0, 0)
        return error

    return send


class TestAsking:
    pytestmark = streams

    async def test_it_streams_steps_and_the_files(self, alices, running) -> None:
        response = await asked(alices, "pace=0 a panda", size="64x64", n=2, steps=3)
        page = shown(await body(response))

        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert page.names[0] == "start"
        assert page.names[-1] == "done"
        assert set(page.names[1:-1]) <= {"queued", "step"}
        assert page.first("start").model == "scripted-image"
        assert [image["width"] for image in page.end.images] == [64, 64]

    async def test_it_answers_in_one_piece(self, alices, running) -> None:
        told = await pictures(alices, "pace=0 a panda", seed=5)

        [image] = told["images"]
        assert (image["alt"], image["seed"]) == ("pace=0 a panda", 5)
        assert told["finish_reason"] == "stop"
        assert told["usage"] == {
            "prompt_tokens": 0,
            "completion_tokens": 1000,
            "total_tokens": 1000,
        }
        row = (await alices.get(f"/api/generations/{told['generation']}")).json()
        assert (row["images"], row["text"]) == ([image], "")
        address = f"/api/conversations/{told['conversation']}/messages"
        question, message = (await alices.get(address)).json()["items"]
        assert (question["content"], question["images"]) == ("pace=0 a panda", [])
        assert (message["content"], message["images"]) == ("", [image])

    async def test_it_resumes_at_the_newest_step(self, alices, running) -> None:
        response = await asked(alices, "pace=0.01 a panda", steps=10)
        whole = shown(await body(response))
        row = await row_of(response)
        address = f"/api/generations/{row.pk}/stream"

        again = shown(await body(await alices.get(f"{address}?after=1000002")))

        assert again.names == ["done"]
        assert again.end == whole.end

    async def test_a_failure_is_told(self, alices, running) -> None:
        response = await asked(alices, "pace=0 fail=2", path="/api/images")

        assert b"engine_failed" in await body(response)

    async def test_the_same_key_draws_once(self, alices, running) -> None:
        ends = []
        for _ in range(2):
            response = await alices.post(
                "/api/images/stream",
                {"prompt": QUICK},
                content_type="application/json",
                headers={"Idempotency-Key": "k"},
            )
            ends.append(shown(await body(response)).end)

        assert await Picture.objects.acount() == 1
        assert ends[0] == ends[1]
        assert len(ends[0].images) == 1

    async def test_stopping_one_that_has_ended_tells_of_it(
        self, alices, running
    ) -> None:
        told = await pictures(alices)
        address = f"/api/generations/{told['generation']}/stop"
        stopped = (await post(alices, address)).json()

        assert stopped["status"] == "done"
        assert stopped["images"] == told["images"]

    async def test_it_goes_on_in_a_conversation(self, alices, running) -> None:
        first = await answer(alices)
        told = await pictures(alices, conversation=first["conversation"])
        assert told["conversation"] == first["conversation"]
        beside = await pictures(
            alices, conversation=first["conversation"], parent=first["message"]
        )

        page = await alices.get(f"/api/conversations/{first['conversation']}/messages")
        items = page.json()["items"]
        assert [item["id"] for item in items[2:]] == [
            beside["user_message"],
            beside["message"],
        ]
        assert len(items[2]["siblings"]) == 2
        kept = await alices.get(f"/api/conversations/{first['conversation']}")
        assert kept.json()["model"] == "scripted"
        again = await answer(alices, conversation=first["conversation"])
        row = await Generation.objects.aget(pk=again["generation"])
        assert row.model == "scripted"

    async def test_a_text_may_follow_where_a_picture_was_first(
        self, alices, running
    ) -> None:
        told = await pictures(alices)
        again = await answer(alices, conversation=told["conversation"])

        row = await Generation.objects.aget(pk=again["generation"])
        assert row.model == "scripted"

    async def test_drawing_again_takes_another_seed(self, alices, running) -> None:
        told = await pictures(alices, "pace=0 a panda", size="72x64", seed=1)
        response = await post(alices, f"/api/messages/{told['message']}/regenerate")
        page = shown(await body(response))

        [image] = page.end.images
        assert (image["width"], image["height"]) == (72, 64)
        assert image["seed"] != 1
        same = await post(
            alices,
            f"/api/messages/{told['message']}/regenerate",
            {"params": {"seed": 1, "temperature": 1}},
        )
        assert shown(await body(same)).end.images[0]["seed"] == 1

    async def test_an_edited_prompt_is_drawn(self, alices, running) -> None:
        told = await pictures(alices, size="72x64")
        address = f"/api/messages/{told['user_message']}/edit"
        page = shown(await body(await post(alices, address, {"prompt": "pace=0 x"})))

        assert [image["alt"] for image in page.end.images] == ["pace=0 x"]
        assert page.end.images[0]["width"] == 72


class TestRefusals:
    pytestmark = pytest.mark.django_db

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("prompt", ""),
            ("prompt", "   "),
            ("size", "large"),
            ("size", "0x0"),
            ("size", "65x64"),
            ("size", "32x64"),
            ("size", "2048x2048"),
            ("size", "99999x8"),
            ("steps", 0),
            ("steps", 51),
            ("steps", "8"),
            ("guidance", -1),
            ("guidance", 51),
            ("seed", -1),
            ("seed", 2**53),
            ("n", 0),
            ("n", 5),
            ("negative_prompt", "x" * 2001),
            ("temperature", 1),
            ("store", False),
        ],
    )
    def test_it_names_the_field(self, refused, field: str, value: Any) -> None:
        assert refused(**{field: value})["field"] == field

    def test_a_prompt_may_be_too_long(self, refused, settings) -> None:
        settings.CHAT_MAX_PROMPT_CHARS = 3
        assert refused(prompt="long")["code"] == "prompt_too_long"

    def test_a_model_that_writes_draws_nothing(self, refused) -> None:
        error = refused(model="scripted")

        assert (error["field"], error["code"]) == ("model", "model_kind")
        assert "/api/chat" in error["message"]

    @pytest.mark.parametrize(
        ("path", "field"),
        [
            ("/api/chat", "prompt"),
            ("/api/chat/stream", "prompt"),
        ],
    )
    def test_a_model_that_draws_writes_nothing(
        self, api: Client, path: str, field: str
    ) -> None:
        body = {field: "Hello", "model": "scripted-image"}
        error = error_of(api.post(path, body, content_type="application/json"), 400)

        assert (error["field"], error["code"]) == ("model", "model_kind")
        assert "/api/images" in error["message"]
        assert stored() == (0, 0, 0)

    def test_without_one_that_draws_it_says_so(self, refused, settings) -> None:
        settings.CHAT_MODEL = "demo"
        error = refused()

        assert (error["field"], error["code"]) == ("model", "model_not_found")

    def test_one_that_is_closed_to_the_user(self, refused, alice: User) -> None:
        Quota.objects.create(user=alice, allowed_models=["scripted"])

        assert refused(403)["field"] == "model"
        assert refused(403, model="scripted-image")["code"] == "model_not_allowed"

    def test_another_ones_conversation_is_not_there(
        self, refused, alice: User, bob: User
    ) -> None:
        assert refused(404, conversation=NOWHERE)["field"] == "conversation"

    def test_without_room_nothing_is_drawn(
        self, api: Client, alice: User, settings
    ) -> None:
        row = draw(alice)
        Picture.objects.create(
            message=row.message,
            owner=alice,
            content_type="image/png",
            width=1,
            height=1,
            bytes=1024 * 1024,
            seed=1,
        )
        settings.CHAT_IMAGE_STORAGE_MB = 1
        before = stored()
        body = {"prompt": "a panda"}
        response = api.post("/api/images", body, content_type="application/json")

        error = error_of(response, 413)
        assert error["code"] == "storage_full"
        assert "1 MB" in error["message"]
        assert stored() == before

    @pytest.mark.parametrize("which", ["daily", "monthly"])
    def test_pictures_count_as_tokens(self, refused, settings, which: str) -> None:
        setattr(settings, f"CHAT_{which.upper()}_TOKENS", 1500)
        error = refused(429, n=2)

        assert error["code"] == f"{which}_tokens_used"
        assert "1,500" in error["message"]


class TestFiles:
    pytestmark = streams

    async def drawn(self, client: Any, **fields: Any) -> dict[str, Any]:
        return (await pictures(client, **fields))["images"][0]

    async def test_the_owner_gets_it_and_a_small_one(self, alices, running) -> None:
        image = await self.drawn(alices, size="768x64")

        response = await alices.get(image["url"])
        with Image.open(BytesIO(await body(response))) as found:
            assert (found.format, found.size) == ("PNG", (768, 64))
        assert response.headers["Content-Type"] == "image/png"
        response = await alices.get(image["thumbnail"])
        with Image.open(BytesIO(await body(response))) as found:
            assert (found.format, found.size) == ("WEBP", (512, 43))
        assert response.headers["Content-Type"] == "image/webp"

    async def test_it_can_be_nothing_but_a_picture(self, alices, running) -> None:
        image = await self.drawn(alices)

        response = await alices.get(image["url"])

        headers = response.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert headers["Content-Disposition"].startswith("inline; filename=")
        response = await alices.get(image["url"] + "?download=1")
        name = f'attachment; filename="picture-{image["id"][:8]}.png"'
        assert response.headers["Content-Disposition"] == name

    async def test_nobody_else_gets_it(self, alices, bobs, running) -> None:
        image = await self.drawn(alices)

        for address in (image["url"], image["thumbnail"]):
            assert (await bobs.get(address)).status_code == 404
        assert (await alices.get(f"/api/images/{NOWHERE}")).status_code == 404

    async def test_nobody_else_watches_it(self, alices, bobs, running) -> None:
        told = await pictures(alices)

        for path in ("", "/stream"):
            address = f"/api/generations/{told['generation']}{path}"
            assert (await bobs.get(address)).status_code == 404

    async def test_a_deleted_conversation_takes_it_along(
        self, alices, alice: User, running
    ) -> None:
        told = await pictures(alices)
        [image] = told["images"]
        signed = serving.signed_path(await Picture.objects.aget(pk=image["id"]))
        await sync_to_async(removal.remove)([told["conversation"]], alice)

        for address in (image["url"], image["thumbnail"], signed):
            assert (await alices.get(address)).status_code == 404

    async def test_a_key_must_be_one_that_reads(
        self, alices, alice: User, running, async_client
    ) -> None:
        image = await self.drawn(alices)
        key = await sync_to_async(ApiKey.objects.create_key)(alice, "x", "chat")

        response = await async_client.get(
            image["url"], headers={"Authorization": f"Bearer {key[1]}"}
        )
        assert response.status_code == 403

    async def test_a_signed_address_opens_it(
        self, alices, running, async_client, monkeypatch
    ) -> None:
        image, other = await self.drawn(alices), await self.drawn(alices)
        row = await Picture.objects.aget(pk=image["id"])
        signed = serving.signed_path(row)

        assert (await async_client.get(image["url"])).status_code == 401
        assert (await async_client.get(signed)).status_code == 200
        mark = signed.partition("?")[2]
        for address in (
            f"{image['thumbnail']}?{mark}x",
            f"{other['url']}?{mark}",
            f"{image['url']}?signature=",
        ):
            assert (await async_client.get(address)).status_code == 401
        monkeypatch.setattr(serving, "SIGNED_SECONDS", -1)
        assert (await async_client.get(signed)).status_code == 401

    async def test_a_file_that_is_gone_is_not_there(self, alices, running) -> None:
        image = await self.drawn(alices)
        row = await Picture.objects.aget(pk=image["id"])
        await sync_to_async(files.delete)(row.file.name)

        assert b"not_found" in await body(await alices.get(image["url"]))
        assert await serving.response(row) is None
