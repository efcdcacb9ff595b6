"""Asking `/v1/chat/completions`."""

from __future__ import annotations

from typing import Any

import httpx

ASK: dict[str, Any] = {"model": "scripted"}


def say(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def frames(site, body: dict[str, Any]) -> list[bytes]:
    """The raw lines of a stream."""
    with httpx.stream(
        "POST",
        f"{site.url}/v1/chat/completions",
        json={**ASK, "stream": True, **body},
        headers=site.headers,
        timeout=60,
    ) as response:
        assert response.status_code == 200
        return b"".join(response.iter_raw()).split(b"\n")
