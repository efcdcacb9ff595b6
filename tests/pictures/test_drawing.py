"""A picture from the question to the file: the queue, the runner, the tape, the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from io import BytesIO

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from PIL import Image

from chat import generations
from chat.asking import Ask
from chat.conversations import prompts
from chat.database import in_database
from chat.engines.base import EngineEvent, EngineRequest, Stepped
from chat.engines.scripted_painter import ScriptedPainter
from chat.events import Done, Step
from chat.follow import follow
from chat.limits import usage
from chat.models import Conversation, Generation, LooseFile, Message, Picture
from chat.models.picture import files
from chat.pictures import keeping, serving
from chat.running import lease, outcomes
from chat.running.prepare import prepare
from chat.tape import SPAN, MemoryTape
from tests.core.helpers import crash, expire, runner_of
from tests.pictures.helpers import draw
from tests.reading import Shown, eventually, finished, watch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

asked = sync_to_async(draw)


async def drawn(tape: MemoryTape, generation: Generation, steps: int = 1) -> None:
    """Until so many steps have been shown."""

    def look() -> bool:
        page = Shown().take(tape.read(str(generation.pk), 0))
        return any(isinstance(e, Step) and e.step >= steps for e in page.events)

    await eventually(look)


async def rows() -> list[Picture]:
    return await sync_to_async(lambda: list(Picture.objects.to_show()))()


async def data(picture: Picture, **how: bool) -> bytes:
    return await sync_to_async(serving.read)(picture, **how)


class Following(ScriptedPainter):
    """Goes on when its reader has heard of the last step."""

    def __init__(self, reader: Shown) -> None:
        super().__init__(pace=0)
        self._reader = reader

    async def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        async for said in super().stream(request):
            yield said
            if isinstance(said, Stepped):
                await eventually(partial(self._has_heard, said.step))

    def _has_heard(self, step: int) -> bool:
        return any(isinstance(e, Step) and e.step == step for e in self._reader.events)


async def test_it_shows_every_step_and_stores_the_picture(alice: User) -> None:
    tape, page = MemoryTape(), Shown()
    row = await asked(alice, "a panda\nin the snow", size="96x64", seed=7, steps=20)
    async with runner_of(tape=tape, engine=Following(page)):
        async for events in follow(tape, row):
            page.take(events)

    steps = [event for event in page.events if isinstance(event, Step)]
    assert len({event.image for event in steps}) == 20
    assert all(event.steps == 20 for event in steps)
    assert steps[0].image.startswith("data:image/webp;base64,")
    [picture] = await rows()
    end = page.end
    assert isinstance(end, Done)
    assert end.finish_reason == "stop"
    assert end.images == [
        {
            "id": str(picture.pk),
            "url": f"/api/images/{picture.pk}",
            "thumbnail": f"/api/images/{picture.pk}/thumbnail",
            "width": 96,
            "height": 64,
            "content_type": "image/png",
            "alt": "a panda in the snow",
            "seed": 7,
        }
    ]
    with Image.open(BytesIO(await data(picture))) as image:
        assert (image.format, image.size) == ("PNG", (96, 64))
    with Image.open(BytesIO(await data(picture, thumbnail=True))) as image:
        assert (image.format, image.size) == ("WEBP", (96, 64))
    assert picture.owner_id == alice.pk
    assert not await LooseFile.objects.aexists()


async def test_the_end_is_read_from_the_row_too(alice: User) -> None:
    tape = MemoryTape()
    async with runner_of(tape=tape):
        row = await asked(alice)
        heard = await watch(tape, row)
    later = await watch(MemoryTape(), await finished(row))

    assert later.end == heard.end
    assert isinstance(later.end, Done)
    assert len(later.end.images) == 1
    assert later.names == ["start", "done"]


async def test_a_reader_that_comes_back_gets_just_the_newest_step(alice: User) -> None:
    tape = MemoryTape()
    async with runner_of(tape=tape):
        row = await asked(alice, "pace=0 hang=6")
        await drawn(tape, row, 6)

        [(seq, event)] = tape.read(str(row.pk), SPAN + 2)
        assert isinstance(event, Step)
        assert (seq, event.step) == (SPAN + 6, 6)


async def test_each_picture_counts_its_tokens(settings, alice: User) -> None:
    settings.CHAT_IMAGE_TOKENS = 300
    async with runner_of():
        row = await finished(await asked(alice, "pace=0", n=3, steps=2))

    assert (row.prompt_tokens, row.completion_tokens) == (0, 900)
    assert await sync_to_async(usage.used_today)(alice) == 900
    found = await rows()
    assert [picture.number for picture in found] == [0, 1, 2]
    seeds = [picture.seed for picture in found]
    assert seeds == [row.params["seed"] + place for place in range(3)]
    assert len({await data(picture) for picture in found}) == 3


async def test_the_same_seed_draws_the_same(alice: User) -> None:
    async with runner_of():
        for _ in range(2):
            await finished(await asked(alice, seed=11))
        await finished(await asked(alice, seed=12))

    first, second, other = [await data(picture) for picture in await rows()]
    assert len({first, second, other}) == 2


async def test_stopped_it_keeps_what_was_drawn(settings, alice: User) -> None:
    settings.CHAT_IMAGE_TOKENS = 100
    tape = MemoryTape()
    async with runner_of(tape=tape) as runner:
        row = await asked(alice, "pace=0 hang=6", steps=4, n=3)
        await drawn(tape, row, 6)
        await sync_to_async(generations.stop)(alice, row.pk)
        page = await watch(tape, row)
        await eventually(lambda: not runner.running)

    assert isinstance(page.end, Done)
    assert page.end.finish_reason == "stopped"
    assert len(page.end.images) == 1
    row = await finished(row)
    assert (row.status, row.completion_tokens) == ("stopped", 100)
    assert len(await rows()) == 1


async def test_stopped_before_its_first_picture_it_has_none(alice: User) -> None:
    tape = MemoryTape()
    async with runner_of(tape=tape):
        row = await asked(alice, "pace=0 hang=2")
        await drawn(tape, row, 2)
        await sync_to_async(generations.stop)(alice, row.pk)
        page = await watch(tape, row)

    assert isinstance(page.end, Done)
    assert (list(page.end.images), page.end.finish_reason) == ([], "stopped")


async def test_failed_it_keeps_what_was_drawn(alice: User) -> None:
    async with runner_of():
        row = await finished(await asked(alice, "pace=0 fail=5", steps=4, n=2))

    assert (row.status, row.error_code) == ("failed", "engine_failed")
    assert len(row.drawn) == 1


async def test_what_a_checker_withholds_is_told(alice: User) -> None:
    async with runner_of():
        row = await finished(await asked(alice, "pace=0 withhold"))

    assert (row.status, row.finish_reason) == ("done", "content_filter")
    assert row.drawn == []
    assert row.completion_tokens == 0


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
async def test_it_knows_other_kinds_of_files(alice: User, kind: str) -> None:
    async with runner_of():
        row = await finished(await asked(alice, f"pace=0 {kind}"))

    [picture] = row.drawn
    assert picture.content_type == f"image/{kind}"


async def test_what_is_no_picture_is_not_stored(alice: User) -> None:
    async with runner_of():
        row = await finished(await asked(alice, "pace=0 broken"))

    assert (row.status, row.error_code) == ("failed", "picture_unreadable")
    assert not await Picture.objects.aexists()
    assert not await LooseFile.objects.aexists()
    assert row.completion_tokens == 0


async def test_a_storage_that_fails_is_told(alice: User, monkeypatch) -> None:
    def full(_contents: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(keeping, "write", full)
    async with runner_of():
        row = await finished(await asked(alice))

    assert (row.status, row.error_code) == ("failed", "picture_not_stored")
    assert row.error_retryable
    assert await LooseFile.objects.acount() == 2  # the chore looks for them


async def test_another_attempt_draws_the_same_from_the_first_step(alice: User) -> None:
    """The owner dies in the middle; what readers saw last stays till there is more."""
    tape = MemoryTape()
    async with runner_of("first", tape) as first:
        row = await asked(alice, "pace=0 hang=5 a panda", seed=3)
        await drawn(tape, row, 5)
        await crash(first)
    await sync_to_async(expire)(row)
    await Message.objects.filter(pk=row.message.parent_id).aupdate(
        content="pace=0 a panda"
    )
    async with runner_of("second", tape):
        page = await watch(tape, row, SPAN + 2)

    assert "snapshot" not in page.names
    assert isinstance(page.end, Done)
    assert page.end.images[0]["seed"] == 3
    row = await finished(row)
    assert (row.attempt, row.completion_tokens) == (2, 1000)
    assert len(await rows()) == 1


async def test_handed_over_it_is_drawn_from_the_first_step(alice: User) -> None:
    """One of two pictures was there: it is drawn and counted again, and once."""
    tape = MemoryTape()
    async with runner_of("first", tape):
        row = await asked(alice, "pace=0 hang=6 a panda", steps=4, n=2, seed=3)
        await drawn(tape, row, 6)
    row = await Generation.objects.aget(pk=row.pk)
    assert (row.status, row.completion_tokens, row.crashes) == ("queued", 0, 0)
    assert row.last_seq == SPAN + 6
    await Message.objects.filter(pk__in=await parents(row)).aupdate(content="pace=0")
    async with runner_of("second", MemoryTape()):
        row = await finished(row)

    assert (row.status, row.attempt, row.completion_tokens) == ("done", 2, 2000)
    assert [picture.seed for picture in row.drawn] == [3, 4]


async def parents(row: Generation) -> list:
    rows = Message.objects.filter(pk=row.message_id)
    return [pk async for pk in rows.values_list("parent", flat=True)]


async def test_an_engine_that_dies_is_tried_again(alice: User, monkeypatch) -> None:
    monkeypatch.setattr("chat.running.driver.LOST_PAUSE_SECONDS", 0)
    async with runner_of():
        row = await finished(await asked(alice, "pace=0 lost=6", steps=4, n=2))

    assert (row.status, row.attempt) == ("done", 2)
    assert row.completion_tokens == 2000
    assert len(row.drawn) == 2


async def test_a_late_owner_writes_no_picture(alice: User) -> None:
    """Its files are loose ones; the row of the new owner's end stays alone."""
    row = await asked(alice, "pace=0")
    [held] = await in_database(lease.claim, "late", 1)
    [job] = await in_database(prepare, [held])
    tape = MemoryTape()
    job.writer = tape.open(str(row.pk), 1, 0, job.so_far())
    await sync_to_async(expire)(row)
    [newer] = await in_database(lease.claim, "newer", 1)
    assert newer.attempt == 2

    async for event in ScriptedPainter(pace=0).stream(job.request()):
        job.take(event)
    kept = await keeping.keep(job.row, job.drawn)
    [ended] = await in_database(
        outcomes.finish_all,
        [(held, job.outcome("done", pictures=kept, finish_reason="stop"))],
    )

    assert ended is None
    assert not await Picture.objects.aexists()
    assert await LooseFile.objects.acount() == 2


async def test_an_end_that_is_written_twice_is_written_once(alice: User) -> None:
    row = await asked(alice, "pace=0")
    [held] = await in_database(lease.claim, "owner", 1)
    [job] = await in_database(prepare, [held])
    job.writer = MemoryTape().open(str(row.pk), 1, 0, job.so_far())
    async for event in ScriptedPainter(pace=0).stream(job.request()):
        job.take(event)
    kept = await keeping.keep(job.row, job.drawn)
    end = (held, job.outcome("done", pictures=kept, finish_reason="stop"))
    for _ in range(2):
        [ended] = await in_database(outcomes.finish_all, [end])
        assert ended is not None
        assert [picture.pk for picture in ended.drawn] == [kept[0].pk]

    assert await Picture.objects.acount() == 1
    assert await sync_to_async(usage.used_today)(alice) == 1000


async def test_text_and_pictures_share_a_conversation(alice: User, bob: User) -> None:
    """A model that reads is told what the picture shows."""
    async with runner_of():
        row = await finished(await asked(alice, "pace=0 a panda"))
        told = await sync_to_async(generations.start)(
            alice, Ask("", {}), "prompt pace=0", conversation=row.conversation_id
        )
        answer = await finished(told)

    assert answer.model == "scripted"
    assert '"messages": 3' in answer.message.content
    row = await sync_to_async(Conversation.objects.get)(pk=row.conversation_id)
    assert row.title == "pace=0 a panda"
    [job] = await in_database(jobs_of, answer)
    assert job[1] == {"role": "assistant", "content": "[picture: pace=0 a panda]"}


def jobs_of(answer: Generation) -> list:
    return [prompts([answer], lambda _model: True)[answer.message_id]]


async def test_no_thread_of_the_loop_waits_for_a_storage(
    alice: User, monkeypatch
) -> None:
    """Files are written while the loop goes on."""
    began, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    write = keeping.write

    def slow(contents: dict[str, bytes]) -> None:
        loop.call_soon_threadsafe(began.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(60)
        write(contents)

    monkeypatch.setattr(keeping, "write", slow)
    async with runner_of():
        row = await asked(alice)
        await began.wait()
        assert not await Picture.objects.aexists()
        go_on.set()
        row = await finished(row)
    assert len(row.drawn) == 1
    assert files.exists(row.drawn[0].file.name)
