"""`/ws/`: the same tapes over one socket, and news of the user's conversations.

Client: `{"type": "watch", "generation": ID, "after": SEQ}`, `{"type": "unwatch", …}`,
`{"type": "stop", …}`, `{"type": "ping"}`. Server: `event`, `end` (nothing follows any
more), `error`, `conversation` and `pong`: a page cannot hear the protocol's own pings.
One that is closed because the process ends (1012) has for a reason how many
milliseconds to wait.
Every watch and stop is looked up as the user's own; a key needs `read` to watch and
to get news, `chat` to stop. A socket outlives the page's login, so it asks now and
then whether the user still may.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from contextlib import aclosing
from datetime import datetime
from typing import Any
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.contrib.auth.models import User

from . import generations, present
from .database import persistently
from .errors import ChatError, NotFoundError
from .events import is_terminal, merge
from .follow import follow
from .models import Conversation, Generation
from .notices import group_of
from .people import callers
from .records import load
from .running import process
from .waiting import pause_ms, wait_within

MAX_WATCHES = 64
MAX_MESSAGE = 8 * 1024
INVALID = (ValueError, TypeError, AttributeError, OverflowError, RecursionError)
RECHECK_SECONDS = 30.0
RESTARTING, UNAUTHENTICATED, TOO_BIG = 1012, 4401, 1009
NEEDS = {"watch": "read", "unwatch": "read", "stop": "chat"}
Json = dict[str, Any]


class OwnOrigin(OriginValidator):  # type: ignore[misc]  # channels is untyped
    """Pages of other sites may not open a socket in a user's name. A browser always
    says where a page is from; a program does not, and has no one's cookies."""

    def __init__(self, application: Any) -> None:
        allowed = [*settings.ALLOWED_HOSTS, *settings.CSRF_TRUSTED_ORIGINS]
        super().__init__(application, allowed)

    def valid_origin(self, parsed_origin: Any) -> bool:
        return parsed_origin is None or self.validate_origin(parsed_origin)


def problem(error: ChatError) -> Json:
    return {"type": "error", "code": error.code, "message": str(error.message)}


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # the same
    user: User
    caller: callers.Caller

    async def connect(self) -> None:
        self.watches: dict[str, asyncio.Task[None]] = {}
        self.doubted = asyncio.Event()
        self.recheck: asyncio.Task[None] | None = None
        caller = await self._caller()
        if caller is not None:
            self.caller, self.user = caller, caller.user
            # Before the client hears that it is open: between what it reads then and
            # the first of these news there is no gap.
            await self._join()
        await self.accept()
        if caller is None:
            await self._refuse()
            return
        self.recheck = asyncio.create_task(self._recheck())

    async def _caller(self) -> callers.Caller | None:
        self.refusal: ChatError | None = None
        try:
            return await persistently(callers.of_scope, self.scope)
        except ChatError as error:  # a key that opens nothing
            self.refusal = error
            return None

    async def _refuse(self) -> None:
        if self.refusal is not None:
            await self.say(problem(self.refusal))
        await self.close(UNAUTHENTICATED)

    async def _join(self) -> None:
        """The group that gets the user's news."""
        group = group_of(self.user.pk)
        await self.channel_layer.group_add(group, self.channel_name)

    async def disconnect(self, code: int) -> None:
        if self.recheck is None:
            return
        tasks = [*self.watches.values(), self.recheck]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        group = group_of(self.user.pk)
        await self.channel_layer.group_discard(group, self.channel_name)

    async def _recheck(self) -> None:
        """Deactivated or logged out: the socket goes too. At once when told so."""
        while True:
            await wait_within(self.doubted, RECHECK_SECONDS)
            self.doubted.clear()
            caller = await self._caller()
            if caller is None or caller.user.pk != self.user.pk:
                await self._refuse()
                return
            # The layer forgets it after a day, and at once when Redis lost its data.
            with contextlib.suppress(Exception):
                await self._join()

    # From the client

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        if text_data is None or len(text_data) > MAX_MESSAGE:
            await self.close(TOO_BIG)
            return
        try:
            await self._take(json.loads(text_data))
        except INVALID:
            await self.say({"type": "error", "code": "invalid_message"})

    async def _take(self, message: Json) -> None:
        """One of `INVALID`: it is none of our messages."""
        kind = message.get("type")
        if kind == "ping":
            await self.say({"type": "pong"})
            return
        pk = UUID(message.get("generation"))
        try:
            if kind in NEEDS:
                self.caller.require(NEEDS[kind])
            if kind == "watch":
                await self._watch(pk, int(message.get("after") or 0))
            elif kind == "unwatch":
                await self._unwatch(pk)
            elif kind == "stop":
                await persistently(generations.stop, self.user, pk)
            else:
                raise ChatError("watch, unwatch or stop.", code="unknown_type")
        except ChatError as error:
            await self.say({**problem(error), "generation": str(pk)})

    async def _watch(self, pk: UUID, after: int) -> None:
        row = await persistently(self._owned, pk)
        await self._unwatch(pk)
        if len(self.watches) >= MAX_WATCHES:
            raise ChatError("Too many at once: unwatch some.", code="too_many_watches")
        self.watches[str(pk)] = asyncio.create_task(self._follow(row, after))

    async def _unwatch(self, pk: UUID) -> None:
        if task := self.watches.pop(str(pk), None):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _owned(self, pk: UUID) -> Generation:
        if not Generation.objects.owned_by(self.user).filter(pk=pk).exists():
            raise NotFoundError("generation")
        return load(pk)

    # To the client

    async def _follow(self, row: Generation, after: int) -> None:
        """One watched generation, to its end. A slow client costs a cursor."""
        key, ended = str(row.pk), not row.is_live and after >= row.last_seq
        batches = follow(process.current().tape, row, after)
        async with aclosing(batches):
            async for events in batches:
                for seq, event in merge(events):
                    ended = is_terminal(event)
                    place = {"generation": key, "seq": seq}
                    told = {"event": event.name, "data": event.data()}
                    await self.say({"type": "event", **place, **told})
        self.watches.pop(key, None)
        if ended:
            await self.say({"type": "end", "generation": key})
        else:
            turned_away = process.current().tape.turned_away
            await self.close(RESTARTING, str(pause_ms(turned_away)))

    async def access_changed(self, news: Json) -> None:
        """A nudge from the channel layer: may the user still be here?"""
        self.doubted.set()

    async def conversation_changed(self, news: Json) -> None:
        """The same: read the row, then tell. No news for keys that do not read."""
        if not self.caller.may("read"):
            return
        pk, action = news["conversation"], news["action"]
        shown: Json | None = {"id": pk}
        if action != "deleted":
            shown = await persistently(self._conversation, UUID(pk))
        if shown is not None:
            await self.say(
                {"type": "conversation", "action": action, "conversation": shown}
            )

    def _conversation(self, pk: UUID) -> Json | None:
        rows = Conversation.objects.owned_by(self.user).filter(source="web")
        row = rows.to_show().filter(pk=pk).first()
        return present.conversation(row) if row else None

    async def say(self, message: Json) -> None:
        # A client that has gone is noticed by `disconnect`.
        with contextlib.suppress(RuntimeError, OSError):
            await self.send(json.dumps(message, ensure_ascii=False, default=plain))


def plain(value: Any) -> str:
    """What JSON has no word for, as the API says it."""
    return value.isoformat() if isinstance(value, datetime) else str(value)
