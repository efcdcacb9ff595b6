"""Asks the services: bounded in time, in number, and in what is read.

A service that has failed a few times in a row is left alone for a while: meanwhile
there is no verdict, at once. No text is logged, and nothing is counted against a user.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections import OrderedDict
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
from django.conf import settings

from ..engines.base import ChatMessage, Chunk, EngineError, EngineRequest, Params
from ..engines.registry import Engines, find_model
from ..observe import metrics
from .rules import Service, Unchecked, Verdict, judged, judges, moderated

logger = logging.getLogger(__name__)

AT_ONCE = 64
"""Requests of one process. Others wait, no longer than for an answer."""
MAX_BODY = 256 * 1024
FAILURES = 3
PAUSE_SECONDS = 10.0
TOKENS = 600
"""Some models think first, whatever they are told; a verdict itself has few."""
MAX_SAID = 2000
REMEMBERED = 2000
PARAMS = Params(temperature=0.0, max_tokens=TOKENS, thinking=False)


@dataclass(slots=True)
class Health:
    """Of one service, as this process sees it."""

    failures: int = 0
    until: float = 0.0

    @property
    def is_away(self) -> bool:
        return self.until > time.monotonic()

    def failed(self) -> bool:
        """Whether it is left alone from now on."""
        self.failures += 1
        if self.failures < FAILURES:
            return False
        self.until = time.monotonic() + PAUSE_SECONDS
        return True


class Services:
    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._health: dict[tuple[str, str], Health] = {}
        self._known: OrderedDict[tuple[Service, bytes], Verdict] = OrderedDict()

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, service: Service, text: str) -> Verdict:
        """Raises `Unchecked`."""
        try:
            with metrics.check_seconds.labels(service.kind).time():
                return await self._ask(service, text)
        except Unchecked as failure:
            metrics.check_failures.labels(service.kind, failure.code).inc()
            raise

    async def _ask(self, service: Service, text: str) -> Verdict:
        health = self._health.setdefault((service.kind, service.model), Health())
        if health.is_away:
            raise Unchecked("unavailable")
        sent = False
        try:
            async with asyncio.timeout(service.seconds) as limit, self._slots:
                if health.is_away:
                    raise Unchecked("unavailable")
                # The wait was our own: the service has all of its time.
                limit.reschedule(asyncio.get_running_loop().time() + service.seconds)
                sent = True
                verdict = await self._asked(service, text)
        except Exception as error:
            failure = failure_of(error)
            silent = sent and failure.code in ("timeout", "unavailable")
            if silent and health.failed():
                logger.warning("check by %s: %s", service.model, failure.code)
            raise failure from error
        health.failures = 0
        return verdict

    async def recall(self, service: Service, text: str) -> Verdict:
        """The same for a text that comes again and again: it is asked for once."""
        key = (service, hashlib.sha256(text.encode()).digest())
        if key not in self._known:
            self._known[key] = await self.ask(service, text)
        self._known.move_to_end(key)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return self._known[key]

    async def _asked(self, service: Service, text: str) -> Verdict:
        if service.kind == "moderation":
            named = {"model": service.model} if service.model else {}
            return moderated(await self._post("/moderations", {"input": text, **named}))
        if find_model(service.model) is not None:
            return judged(await self._said(service, text))
        body: dict[str, Any] = {
            "model": service.model,
            "messages": judges(service.policy, text),
            "temperature": 0,
            "max_tokens": TOKENS,
        }
        data = await self._post("/chat/completions", body)
        try:
            return judged(str(data["choices"][0]["message"]["content"]))
        except (KeyError, TypeError, IndexError) as error:
            raise Unchecked("nonsense") from error

    async def _said(self, service: Service, text: str) -> str:
        """By a model of this site."""
        request = EngineRequest(
            id=f"check.{time.monotonic_ns()}",
            model=service.model,
            messages=cast("list[ChatMessage]", judges(service.policy, text)),
            params=PARAMS,
        )
        said = ""
        try:
            engine = await self._engines.get(service.model)
            async with aclosing(engine.stream(request)) as stream:
                async for event in stream:
                    if isinstance(event, Chunk) and len(said) < MAX_SAID:
                        said += event.text
        except EngineError as error:
            raise Unchecked("unavailable" if error.retryable else "refused") from error
        return said

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        if not settings.CHAT_GUARD_URL:
            raise Unchecked("unavailable")
        url = settings.CHAT_GUARD_URL.rstrip("/") + path
        try:
            async with self._http().post(
                url, json=body, headers=headers(), allow_redirects=False
            ) as response:
                data = await response.content.read(MAX_BODY)
                while not response.content.at_eof() and len(data) < MAX_BODY:
                    data += await response.content.read(MAX_BODY - len(data))
                status = response.status
        except (aiohttp.ClientError, OSError) as error:
            raise Unchecked("unavailable") from error
        if status != 200:
            raise Unchecked(
                "unavailable" if status in (408, 429) or status >= 500 else "refused"
            )
        try:
            return json.loads(data)
        except ValueError as error:
            raise Unchecked("nonsense") from error

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=AT_ONCE)
            )
        return self._session


def failure_of(error: Exception) -> Unchecked:
    if isinstance(error, Unchecked):
        return error
    if isinstance(error, TimeoutError):
        return Unchecked("timeout")
    # By its kind: what it says may quote the text.
    logger.error("a check went wrong: %s", type(error).__name__)
    return Unchecked("nonsense")


def headers() -> dict[str, str]:
    key = settings.CHAT_GUARD_KEY
    return {"Authorization": f"Bearer {key}"} if key else {}
