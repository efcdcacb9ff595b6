"""What the engines behind HTTP say of themselves: their models, and that they live.

Asked in the background, every `CHAT_MODELS_SECONDS`, in every process that serves
requests or drives them; reading it never waits. An address without a model list
(404) that answers at all is well.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from django.conf import settings

from .config import RemoteModel, Upstream

logger = logging.getLogger(__name__)

ASK_SECONDS = 5.0
MAX_LIST = 4 * 1024 * 1024
MAX_MODELS = 500
CONTEXT_NAMES = ("max_model_len", "context_length", "context_window")


@dataclass(frozen=True, slots=True)
class Said:
    """One address's last answer."""

    problem: str | None = None
    models: tuple[RemoteModel, ...] = ()


@dataclass(slots=True)
class Catalog:
    _said: dict[str, Said] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None

    def start(self, upstreams: Iterable[Upstream]) -> None:
        asked = [engine for engine in upstreams if engine.protocol == "openai"]
        if asked and self._task is None:
            self._task = asyncio.create_task(self._keep(asked), name="model-lists")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._said.clear()

    def models(self, upstream: Upstream) -> list[RemoteModel]:
        """What is configured, then what is listed beside it."""
        found = {model.id: model for model in upstream.models}
        listed = [
            model
            for url in upstream.base_urls
            if (said := self._said.get(url))
            for model in said.models
        ]
        for model in listed:
            named = next(
                (known for known in found.values() if known.at_engine == model.id), None
            )
            if named is None and upstream.lists:
                found[model.id] = model
            elif named is not None and named.context_tokens is None:
                update = {"context_tokens": model.context_tokens}
                found[named.id] = named.model_copy(update=update)
        return list(found.values())

    def problem(self, upstream: Upstream) -> str | None:
        """Why none of its addresses can serve; None when one can."""
        if upstream.protocol != "openai":
            return None
        said = [self._said.get(url) for url in upstream.base_urls]
        if any(one is not None and one.problem is None for one in said):
            return None
        if any(one is None for one in said):
            return f"{upstream.name} has not answered yet"
        return "; ".join(str(one.problem) for one in said if one)

    async def _keep(self, upstreams: list[Upstream]) -> None:
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await self.refresh(session, upstreams)
                await asyncio.sleep(settings.CHAT_MODELS_SECONDS)

    async def refresh(
        self, session: aiohttp.ClientSession, upstreams: list[Upstream]
    ) -> None:
        await asyncio.gather(
            *(
                self._ask(session, upstream, url)
                for upstream in upstreams
                for url in upstream.base_urls
            )
        )

    async def _ask(
        self, session: aiohttp.ClientSession, upstream: Upstream, url: str
    ) -> None:
        before = self._said.get(url, Said())
        try:
            said = await ask(session, upstream, url)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            said = Said(f"{url} cannot be reached ({type(error).__name__})")
        except Exception as error:
            said = Said(f"{url} lists its models in no known way ({error})")
        if said.problem and said.problem != before.problem:
            logger.warning("%s", said.problem)
        # What it served before, it will serve again when it is back.
        self._said[url] = said if said.models else Said(said.problem, before.models)


async def ask(session: aiohttp.ClientSession, upstream: Upstream, url: str) -> Said:
    headers = upstream.headers()
    async with session.get(
        f"{url}/models", headers=headers, allow_redirects=False
    ) as response:
        if response.status in (401, 403):
            return Said(f"{url} does not accept the API key")
        if response.status in (404, 405):
            return Said()
        if response.status != 200:
            return Said(f"{url} answers with status {response.status}")
        body = await response.content.read(MAX_LIST)
        while not response.content.at_eof() and len(body) < MAX_LIST:
            body += await response.content.read(MAX_LIST - len(body))
    return Said(models=tuple(parse(json.loads(body))))


def parse(data: Any) -> list[RemoteModel]:
    """`{"data": [{"id", …}]}`, or the list alone."""
    rows = data.get("data") or [] if isinstance(data, dict) else data
    return [
        RemoteModel(id=row["id"], context_tokens=context_of(row))
        for row in rows[:MAX_MODELS]
        if isinstance(row, dict) and is_name(row.get("id"))
    ]


def is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200


def context_of(row: dict[str, Any]) -> int | None:
    for name in CONTEXT_NAMES:
        if isinstance(row.get(name), int) and row[name] > 0:
            return int(row[name])
    return None


catalog = Catalog()
"""This process's. Empty where no process has started (a management command)."""
