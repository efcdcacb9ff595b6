"""Asking `/v1/chat/completions`."""

from __future__ import annotations

from typing import Any

import httpx

ASK: dict[str, Any] = {"model": "scripted"}


def say(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def frames(site, body: dict[str, Any], pings: int = 0) -> list[bytes]:
    """The raw lines of a stream, which is stopped after so many heartbeats."""
    got = b""
    with httpx.stream(
        "POST",
        f"{site.url}/v1/chat/completions",
        json={**ASK, "stream": True, **body},
        headers=site.headers,
        timeout=60,
    ) as response:
        assert response.status_code == 200
        stop = f"/api/generations/{response.headers['x-generation-id']}/stop"
        for data in response.iter_raw():
            got += data
            if pings and got.count(b"\n:") >= pings:
                site.post(stop, {})
                pings = 0
    return got.split(b"\n")
