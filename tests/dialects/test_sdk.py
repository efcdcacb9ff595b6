"""What OpenAI's client does by itself: errors as its classes, retries, lost wires."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import openai
import pytest

from tests.browser.server import Wire
from tests.reading import scripted, shown
from tests.serving import free_port

ASK: dict[str, Any] = {"model": "scripted"}
REMOTE: dict[str, Any] = {"model": "remote"}
PATIENT = httpx.Timeout(60)


def say(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def client_of(url: str, key: str, retries: int = 0) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{url}/v1", api_key=key, max_retries=retries, timeout=PATIENT
    )


@pytest.fixture
def wire(site) -> Iterator[Wire]:
    """Between a client and the server: it can be cut."""
    wire = Wire(int(site.url.rpartition(":")[2]))
    yield wire
    wire.close()


class TestErrors:
    def test_a_key_without_the_scope(self, site):
        with (
            client_of(site.url, site.reading_key) as client,
            pytest.raises(openai.PermissionDeniedError) as caught,
        ):
            client.chat.completions.create(**ASK, messages=say("x"))

        assert caught.value.code == "scope_missing"
        assert caught.value.type == "permission_error"
        with client_of(site.url, site.reading_key) as client:
            assert client.models.list().data

    def test_too_large(self, once):
        with pytest.raises(openai.APIStatusError) as caught:
            once.chat.completions.create(**ASK, messages=say("x" * 1_100_000))

        assert (caught.value.status_code, caught.value.code) == (413, "too_large")

    @pytest.mark.parametrize(
        ("word", "kind", "status", "code"),
        [
            ("refuse=400", openai.BadRequestError, 400, "engine_refused"),
            ("refuse=401", openai.InternalServerError, 500, "engine_denied"),
            ("refuse=503", openai.InternalServerError, 503, "engine_unavailable"),
            ("refuse=429", openai.InternalServerError, 503, "engine_busy"),
            ("fail=0", openai.InternalServerError, 503, "engine_failed"),
            ("junk", openai.InternalServerError, 500, "engine_protocol"),
        ],
    )
    def test_what_goes_wrong_at_the_engine(self, once, word, kind, status, code):
        with pytest.raises(kind) as caught:
            once.chat.completions.create(**REMOTE, messages=say(word))

        assert (caught.value.status_code, caught.value.code) == (status, code)
        again = caught.value.response.headers.get("retry-after")
        assert (again is not None) == (status == 503)

    def test_nobody_there(self, site):
        with (
            client_of(f"http://127.0.0.1:{free_port()}", site.key) as client,
            pytest.raises(openai.APIConnectionError),
        ):
            client.models.list()

    def test_a_client_that_does_not_wait(self, site):
        """What it asked for is written to its end all the same."""
        ask = {**ASK, "messages": say("impatient n=3 hang=3 pace=0.3")}
        with client_of(site.url, site.key) as client:
            # One that left before it was heard was not asking.
            while not (rows := site.calls("impatient")):
                with pytest.raises(openai.APITimeoutError):
                    client.chat.completions.create(**ask, timeout=0.3)
        path = f"/api/conversations/{rows[0]['id']}/messages"
        while (answer := site.get(path).json()["items"][-1])["content"] != scripted(3):
            assert answer["status"] in ("queued", "running")
        for row in site.calls("impatient"):
            path = f"/api/conversations/{row['id']}/messages"
            [*_, answer] = site.get(path).json()["items"]
            site.post(f"/api/generations/{answer['generation']}/stop", {})

    def test_what_no_retry_mends_is_not_tried_again(self, site):
        with (
            client_of(site.url, site.key, retries=2) as client,
            pytest.raises(openai.InternalServerError) as caught,
        ):
            client.chat.completions.create(**REMOTE, messages=say("refuse=401"))

        sent = caught.value.response.request.headers
        assert sent["x-stainless-retry-count"] == "0"

    async def test_a_failure_in_the_middle_of_an_async_stream(self, site):
        said: list[str] = []

        async def read(client: openai.AsyncOpenAI) -> None:
            stream = await client.chat.completions.create(
                **ASK, messages=say("fail=3 n=9 pace=0.02"), stream=True
            )
            async for chunk in stream:
                said.append(chunk.choices[0].delta.content or "")  # noqa: PERF401

        async with openai.AsyncOpenAI(
            base_url=f"{site.url}/v1", api_key=site.key, max_retries=0
        ) as client:
            with pytest.raises(openai.APIError, match="The script says fail"):
                await read(client)

        assert "".join(said) == scripted(3)

    async def test_the_async_stream_helpers(self, site):
        async with openai.AsyncOpenAI(
            base_url=f"{site.url}/v1", api_key=site.key
        ) as client:
            async with client.chat.completions.stream(
                **ASK, messages=say("zh pace=0")
            ) as stream:
                chat = await stream.get_final_completion()
            async with client.responses.stream(**ASK, input="zh pace=0") as stream:
                response = await stream.get_final_response()

        assert chat.choices[0].message.content == response.output_text
        assert response.output_text


class TestLostConnections:
    def test_an_answer_that_got_lost_is_asked_for_once(self, site, wire):
        """The request arrived, its answer did not; the same key finds it."""
        mark = uuid4().hex
        wire.deaf = True

        def heal(request: httpx.Request) -> None:
            wire.deaf = request.headers["x-stainless-retry-count"] == "0"

        hooks = {"request": [heal]}
        with openai.OpenAI(
            base_url=f"{wire.url}/v1",
            api_key=site.key,
            max_retries=2,
            http_client=httpx.Client(event_hooks=hooks, timeout=PATIENT),
        ) as client:
            done = client.chat.completions.create(
                **ASK,
                messages=say(f"{mark} n=3 pace=0"),
                extra_headers={"Idempotency-Key": mark},
            )

        assert done.choices[0].message.content == scripted(3)
        assert len(site.calls(mark)) == 1

    def test_a_stream_that_is_cut_is_not_asked_for_again(self, site, wire):
        """Its headers were seen, so the client does not; natively it goes on."""
        mark = uuid4().hex
        said = ""
        with (
            client_of(wire.url, site.key, retries=2) as client,
            client.chat.completions.with_streaming_response.create(
                **ASK, messages=say(f"{mark} n=30 hang=9 pace=0.03"), stream=True
            ) as response,
        ):
            name = response.headers["x-generation-id"]
            chunks = response.parse()
            while "t3" not in said:
                said += next(chunks).choices[0].delta.content or ""
            wire.cut()
            with pytest.raises((openai.APIError, httpx.TransportError)):
                said += "".join(c.choices[0].delta.content or "" for c in chunks)
        while site.generation(name)["text"] != scripted(9):
            pass
        site.post(f"/api/generations/{name}/stop", {})
        rest = shown(site.get(f"/api/generations/{name}/stream").content)

        assert rest.text == scripted(9)
        assert scripted(9).startswith(said)
        assert len(site.calls(mark)) == 1

    def test_it_waits_as_long_as_it_is_told(self, site):
        """The engine is away at first; the client comes back by itself."""
        site.upstream.refusals.clear()
        with client_of(site.url, site.key, retries=2) as client:
            raw = client.chat.completions.with_raw_response.create(
                **REMOTE, messages=say("refuse=503 times=4 n=2")
            )

        assert raw.retries_taken == 1
        assert raw.parse().choices[0].message.content == scripted(2)
