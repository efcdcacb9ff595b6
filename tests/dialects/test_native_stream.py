"""The native stream through httpx-sse, and what every answer of the APIs carries."""

from __future__ import annotations

import base64
import json

import httpx
import pytest
from httpx_sse import connect_sse

from chat.engines.scripts import CHINESE
from chat.events import Delta
from tests.reading import Shown, scripted, sequenced, shown


def test_httpx_sse_reads_it(site):
    with (
        httpx.Client(headers=site.headers, timeout=60) as client,
        connect_sse(
            client,
            "POST",
            f"{site.url}/api/chat/stream",
            json={"prompt": "n=4 pace=0.5"},
        ) as source,
    ):
        events = list(source.iter_sse())

    assert events[0].event == "start"
    assert events[-1].event == "done"
    text = [json.loads(e.data).get("text", "") for e in events if e.event == "delta"]
    assert "".join(text) == scripted(4)
    assert all(event.id for event in events)


def test_httpx_sse_reads_on_where_it_was(site):
    seen = []
    with httpx.Client(headers=site.headers, timeout=60) as client:
        with connect_sse(
            client,
            "POST",
            f"{site.url}/api/chat/stream",
            json={"prompt": "zh pace=0.005"},
        ) as source:
            name = source.response.headers["x-generation-id"]
            for event in source.iter_sse():
                seen.append(event)
                if event.event == "delta":
                    break
        url = f"{site.url}/api/generations/{name}/stream"
        last = {"Last-Event-ID": seen[-1].id}
        with connect_sse(client, "GET", url, headers=last) as source:
            seen += source.iter_sse()
        end = client.get(url, headers={"Last-Event-ID": seen[-1].id})

    numbers = [int(event.id) for event in seen]
    assert numbers == sorted(set(numbers))
    said = [json.loads(e.data).get("text", "") for e in seen if e.event == "delta"]
    assert "".join(said) == CHINESE
    assert end.status_code == 204


def test_a_stopped_answer_of_a_remote_engine_goes_on_there(site):
    """The engine is sent the text that is there, to continue it."""
    ask = {"prompt": "n=12 hang=4", "model": "remote"}
    with (
        httpx.Client(headers=site.headers, base_url=site.url, timeout=60) as client,
        connect_sse(client, "POST", "/api/chat/stream", json=ask) as source,
    ):
        for event in source.iter_sse():
            if event.event == "start":
                begun = json.loads(event.data)
            elif event.event == "delta":
                break
        client.post(f"/api/generations/{begun['generation']}/stop")
    path = f"/api/generations/{begun['generation']}"
    kept = shown(site.get(f"{path}/stream").content).text
    asked = len(site.upstream.requests)

    page = shown(site.post(f"/api/messages/{begun['message']}/continue", {}).content)

    assert kept.startswith("t0")
    assert kept != scripted(12)
    assert page.text == scripted(12)
    assert page.first("done").finish_reason == "stop"
    sent = [body for body in site.upstream.requests[asked:] if body["stream"]]
    assert sent[0]["messages"][-1]["content"] == kept
    assert sent[0]["continue_final_message"] is True


PARAMS = {
    "temperature": 0.25,
    "top_p": 0.5,
    "top_k": 3,
    "min_p": 0.125,
    "repetition_penalty": 1.5,
    "max_tokens": 2000,
    "stop": ["\n\n", "\t"],
    "seed": 7,
}


@pytest.mark.parametrize("thinking", [True, False, None])
def test_every_parameter_reaches_the_engine(site, thinking):
    wish = {"thinking": thinking} if thinking is not None else {}
    params = {**PARAMS, **wish, "chunking": "token"}
    told = site.post("/api/chat", {"prompt": "prompt pace=0", "params": params}).json()

    said = json.loads(told["response"])["params"]
    assert {**PARAMS, **wish}.items() <= said.items()
    assert said["thinking"] is thinking


ENGLISH = 'One, e.g. this. "Two?" Three is 3.14! Four'


def test_english_sentences_for_speech(site):
    coded = base64.urlsafe_b64encode(ENGLISH.encode()).decode()
    answer = site.post(
        "/api/chat/stream",
        {"prompt": f"say={coded} pace=0", "params": {"chunking": "sentence"}},
    )
    page = shown(answer.content)
    said = [event.text for event in page.events if isinstance(event, Delta)]

    assert said == ["One, e.g. this. ", '"Two?" ', "Three is 3.14! ", "Four"]


def test_sentences_are_resumed_where_many_tokens_lie_between_them(site):
    text = "".join(f"{'word ' * 20}{number}. " for number in range(4)).rstrip()
    coded = base64.urlsafe_b64encode(text.encode()).decode()
    answer = site.post(
        "/api/chat/stream",
        {"prompt": f"say={coded} pace=0", "params": {"chunking": "sentence"}},
    )
    whole = shown(answer.content)
    assert whole.text == text
    url = f"/api/generations/{answer.headers['x-generation-id']}/stream"
    page = Shown()
    for seq, event in sequenced(answer.content):
        page.take([(seq, event)])
        if isinstance(event, Delta):
            rest = site.get(f"{url}?after={seq}").content
            assert page.text + shown(rest).text == text


def test_whole_sentences_for_speech(site):
    answer = site.post(
        "/api/chat/stream",
        {"prompt": "zh pace=0.01", "params": {"chunking": "sentence"}},
    )
    page = shown(answer.content)
    said = [event.text for event in page.events if isinstance(event, Delta)]

    assert page.text == CHINESE
    assert len(said) == 4
    assert all(sentence[-1] in "。！？" for sentence in said)
    name = answer.headers["x-generation-id"]
    for cursor in (0, *(seq for seq, _event in sequenced(answer.content)[:-1])):
        rest = site.get(f"/api/generations/{name}/stream?after={cursor}")
        assert shown(rest.content).end == page.end


@pytest.mark.parametrize(
    "path",
    ["/api/models", "/v1/models", "/api/nothing", "/v1/nothing", "/api/v1/nothing"],
)
def test_the_request_has_an_id(site, path):
    mine = site.get(path).headers["x-request-id"]
    sent, bad = (
        httpx.get(
            site.url + path, headers={**site.headers, "X-Request-Id": name}, timeout=60
        ).headers["x-request-id"]
        for name in ("abc.1", "a b\\<script>")
    )

    assert mine.startswith("req_")
    assert sent == "abc.1"
    assert bad.startswith("req_")


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/api/models", {"error"}),
        ("/v1/models", {"error"}),
        ("/api/v1/services/aigc/x", {"code", "message", "request_id"}),
    ],
)
def test_each_dialect_says_no_in_its_own_words(site, path, shape):
    answer = httpx.get(site.url + path, timeout=60)

    assert answer.status_code in (401, 404)
    assert answer.json().keys() == shape


def preflight(site, origin: str, path: str = "/v1/chat/completions"):
    return httpx.options(
        site.url + path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,x-stainless-lang",
        },
        timeout=60,
    )


def test_another_sites_page_may_call_if_it_is_named(site):
    allowed = preflight(site, "https://app.example")
    assert allowed.headers["access-control-allow-origin"] == "https://app.example"
    assert "x-stainless-lang" in allowed.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in allowed.headers

    answer = httpx.get(
        f"{site.url}/v1/models",
        headers={**site.headers, "Origin": "https://app.example"},
        timeout=60,
    )
    assert "X-Generation-Id" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_other_pages_may_not(site, origin):
    answer = preflight(site, origin)

    assert "access-control-allow-origin" not in answer.headers


def test_pages_of_the_site_are_not_shared(site):
    answer = preflight(site, "https://app.example", "/accounts/login/")

    assert "access-control-allow-origin" not in answer.headers
