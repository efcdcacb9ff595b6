"""A real server: open streams hold nothing, and nothing ends an answer."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from chat.database import THREADS
from chat.waiting import RETRY_MS
from tests.asgi.connection import Connection
from tests.processes import ROOT, SLOW_SECONDS
from tests.reading import Shown, eventually, scripted, sequenced

STREAMS = 60


async def wait_until_done(get, server, generation: str, within: float = 60) -> dict:
    async def look() -> dict | None:
        answer = await (await get(server, f"/api/generations/{generation}")).rest()
        shown = answer.json
        return shown if shown["status"] not in ("queued", "running") else None

    return await eventually(look, within)


class TestOpenStreams:
    async def test_they_hold_no_thread_and_no_connection(
        self, server, ask, get
    ) -> None:
        before = server.threads()
        streams = await asyncio.gather(
            *[ask(server, "pace=0.05 n=40") for _ in range(STREAMS)]
        )
        await asyncio.gather(*[stream.until(b"event: delta") for stream in streams[:5]])

        assert {stream.status for stream in streams} == {200}
        threads, connections = server.threads(), server.database_connections()
        assert threads < 32
        assert threads - before < 16
        assert connections < 16

        done = await asyncio.gather(*[stream.rest() for stream in streams])
        assert {stream.page.text for stream in done} == {scripted(40)}
        assert all(stream.complete for stream in done)

    async def test_the_first_bytes_come_before_the_first_token(
        self, server, ask
    ) -> None:
        stream = await ask(server, "hang=0")  # no token ever comes
        await stream.until(b"event: start")

        assert stream.data.startswith(b"retry: 1000\n: ping\n")
        stream.close()

    async def test_tokens_come_one_by_one(self, server, ask) -> None:
        for said in (1, 2, 5):  # and then nothing
            stream = await ask(server, f"pace=0 n=10 hang={said}")
            await stream.until(b"t%d" % (said - 1))
            stream.close()

            assert stream.page.text == scripted(said)

    async def test_blocking_calls_leave_the_threads_to_others(
        self, server, ask, get
    ) -> None:
        """Forty wait for their whole answers; eight threads serve all others."""
        prompt = "pace=0 n=30 hang=20 in=line"
        waiting = [
            asyncio.create_task(ask(server, prompt, "/api/chat")) for _ in range(40)
        ]

        async def all_of_them() -> list[str]:
            page = await get(server, "/api/conversations?limit=100")
            items = (await page.rest()).json["items"]
            found = [x["id"] for x in items if x["running"] and x["title"] == prompt]
            return found if len(found) == 40 else []

        found = await eventually(all_of_them)
        assert THREADS < 40
        other = await (await get(server, "/api/models")).rest()

        assert other.status == 200
        assert not any(task.done() for task in waiting)
        for name in found:
            page = await get(server, f"/api/conversations/{name}/messages")
            [_asked, answer] = (await page.rest()).json["items"]
            path = f"/api/generations/{answer['generation']}/stop"
            await (await ask(server, "", path)).rest()
        answers = [await (await task).rest() for task in waiting]
        assert {answer.json["response"] for answer in answers} == {scripted(20)}
        assert all("x-generation-id" in answer.headers for answer in answers)

    async def test_a_client_that_leaves_does_not_end_the_answer(
        self, server, ask, get
    ) -> None:
        stream = await ask(server, "pace=0.02 n=40")
        await stream.until(b"event: delta")
        stream.writer.transport.abort()

        shown = await wait_until_done(get, server, stream.headers["x-generation-id"])

        assert (shown["status"], shown["text"]) == ("done", scripted(40))

    async def test_one_that_leaves_a_blocking_call_neither(
        self, server, ask, key, get
    ) -> None:
        prompt = "pace=0.02 n=41 hang=30"
        calling = asyncio.create_task(ask(server, prompt, "/api/chat"))

        async def asked() -> list[Any]:
            page = await (await get(server, "/api/conversations?limit=100")).rest()
            return [chat for chat in page.json["items"] if chat["title"] == prompt]

        async def answer() -> dict[str, Any]:
            path = f"/api/conversations/{chat['id']}/messages"
            return (await (await get(server, path)).rest()).json["items"][-1]

        async def all_of_it() -> bool:
            return (await answer())["content"] == scripted(30)

        [chat] = await eventually(asked)
        calling.cancel()
        await eventually(all_of_it)
        generation = (await answer())["generation"]
        await (await ask(server, "", f"/api/generations/{generation}/stop")).rest()
        shown = await wait_until_done(get, server, generation)
        assert (shown["status"], shown["text"]) == ("stopped", scripted(30))

    async def test_heartbeats_keep_a_silent_stream_open(self, server, ask) -> None:
        stream = await ask(server, "pace=0 n=5 hang=2")
        await stream.until(b"t1")
        before = stream.data.count(b": ping\n")
        while stream.data.count(b": ping\n") < before + 2:
            assert await stream.chunk()
        stream.close()

    async def test_a_chunked_body_without_end_is_refused(self, server, key) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\n"
            b"Authorization: Bearer %b\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n" % key.encode()
        )
        for _ in range(40):
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")

        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert head.split()[1] == b"413"

    async def test_a_chunked_body_of_good_size_is_taken(self, server, key) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        body = json.dumps({"prompt": "pace=0 n=3"}).encode()
        writer.write(
            b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\n"
            b"Authorization: Bearer %b\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
            % (key.encode(), len(body), body)
        )

        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert head.split()[1] == b"200"


class TestShutdown:
    async def test_open_streams_end_cleanly_and_soon(self, mortal, ask) -> None:
        mortal.start()
        streams = await asyncio.gather(
            *[ask(mortal, "pace=0.05 n=1000") for _ in range(20)]
        )
        await asyncio.gather(*[stream.until(b"event: delta") for stream in streams])
        ending = asyncio.create_task(asyncio.to_thread(mortal.end))
        done = await asyncio.gather(*[stream.rest() for stream in streams])
        code = await ending

        assert all(stream.complete for stream in done)
        assert all(stream.page.end is None for stream in done)
        # Each is told when to come back: not all at once.
        last = [stream.data.rsplit(b"retry: ", 1)[1] for stream in done]
        pauses = [int(line) for line in last]
        assert min(pauses) >= RETRY_MS
        assert len(set(pauses)) > 1
        # uvicorn ends itself with the signal once it has shut down.
        assert code in (0, -signal.SIGTERM)
        assert "Traceback" not in mortal.log.read_text()

    async def test_a_blocking_call_is_told_to_come_again(
        self, mortal, ask, get
    ) -> None:
        mortal.start()
        calling = asyncio.create_task(ask(mortal, "pace=0.05 n=1000", "/api/chat"))

        async def asked() -> bool:
            page = await (await get(mortal, "/api/conversations")).rest()
            return bool(page.json["items"])

        await eventually(asked)
        ending = asyncio.create_task(asyncio.to_thread(mortal.end))
        answer = await (await calling).rest()
        await ending

        assert answer.status == 503
        assert answer.json["error"]["code"] == "restarting"
        assert "retry-after" in answer.headers
        assert "x-generation-id" in answer.headers

    async def test_after_a_restart_a_reader_resumes_where_it_was(
        self, mortal, ask, get
    ) -> None:
        mortal.start()
        stream = await ask(mortal, "pace=0.02 n=100 hang=60,")
        await stream.until(b"t20")
        ending = asyncio.create_task(asyncio.to_thread(mortal.end))
        await stream.rest()
        await ending
        page = stream.page
        mortal.start()

        path = f"/api/generations/{stream.headers['x-generation-id']}/stream"
        again = await get(mortal, path, Last_Event_ID=stream.cursor)
        page.take(sequenced((await again.rest()).data))

        assert page.text == scripted(100)
        assert page.end is not None
        assert page.names.count("snapshot") <= 1


class TestCrash:
    async def test_killed_before_its_first_checkpoint_it_begins_again(
        self, mortal, ask, get
    ) -> None:
        """And the reader is rewound: no token is shown twice."""
        mortal.env["CHAT_CHECKPOINT_SECONDS"] = "60"
        mortal.start()
        stream = await ask(mortal, "think pace=0.02 n=100 hang=60,")
        await stream.until(b"t30")
        mortal.end(signal.SIGKILL)
        await stream.rest()
        assert not stream.complete
        page = stream.page
        assert page.text
        mortal.start()

        generation = stream.headers["x-generation-id"]
        path = f"/api/generations/{generation}/stream"
        again = await get(mortal, path, Last_Event_ID=stream.cursor)
        page.take(sequenced((await again.rest()).data))

        shown = await wait_until_done(get, mortal, generation)
        assert shown["attempt"] == 2
        assert page.text == shown["text"] == scripted(100)
        assert page.reasoning == shown["reasoning"] == "r0 r1 r2 r3 r4 r5 r6 r7"
        assert shown["usage"]["completion_tokens"] == 108

        fresh = await (await get(mortal, path)).rest()
        assert fresh.page.text == scripted(100)

    async def test_killed_again_and_again_it_comes_to_its_end(
        self, mortal, ask, get
    ) -> None:
        mortal.start()
        stream = await ask(mortal, "pace=0.02 n=120 hang=40,80")
        generation = stream.headers["x-generation-id"]
        path = f"/api/generations/{generation}/stream"
        page = Shown()
        for token in (20, 50):
            await stream.until(b"t%d" % token)
            mortal.end(signal.SIGKILL)
            await stream.rest()
            page.take(sequenced(stream.data))
            mortal.start()
            stream = await get(mortal, path, Last_Event_ID=str(page.cursor))
        page.take(sequenced((await stream.rest()).data))

        assert page.text == scripted(120)
        shown = await wait_until_done(get, mortal, generation)
        assert (shown["attempt"], shown["text"]) == (3, scripted(120))


class TestStart:
    """What cannot serve does not start, and says why."""

    def refused(self, server, *arguments: str) -> str:
        process = server.launch(*arguments)
        try:
            assert process.wait(SLOW_SECONDS) not in (0, None)
        finally:
            process.kill()
        return server.log.read_text()

    @pytest.mark.parametrize(
        ("name", "value", "code"),
        [
            ("SECRET_KEY", "short", "chat.E001"),
            ("CHAT_MODEL", "./nowhere", "chat.E005"),
        ],
    )
    def test_it_refuses(self, mortal, name: str, value: str, code: str) -> None:
        mortal.env[name] = value

        assert code in self.refused(mortal)

    def test_it_refuses_several_workers_without_redis(self, mortal) -> None:
        command = [sys.executable, "-m", "uvicorn", "chatsite.asgi:application"]
        with subprocess.Popen(
            [*command, "--workers", "2", "--port", str(mortal.port)],
            cwd=ROOT,
            env=mortal.env,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert any("chat.E004" in line for line in process.stderr)
            process.terminate()
            process.stderr.read()

    def test_without_any_key_it_says_so(self, mortal) -> None:
        mortal.env |= {"SECRET_KEY": "", "SECRET_KEY_FILE": "/nonexistent/key"}

        assert "SECRET_KEY" in self.refused(mortal)


async def test_errors_have_their_shape_through_the_real_stack(server, key) -> None:
    for method, path, body, status in [
        ("GET", "/api/bogus", None, 404),
        ("GET", "/api/chat", None, 405),
        ("POST", "/api/chat", {}, 400),
        ("POST", "/api/chat/stream", {"prompt": "x" * 1_100_000}, 413),
    ]:
        connection = await Connection(server.port, key).open(method, path, body)
        answer = await connection.rest()
        assert answer.status == status, path
        assert set(answer.json) == {"error"}
    nobody = await Connection(server.port, "bogus").open("GET", "/api/models")
    assert (await nobody.rest()).status == 401
