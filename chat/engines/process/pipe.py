"""Messages between a process and one that it started: pickles, each behind its length.

They go through a socket pair that nobody else can open, so what is read there was
written by our own code.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from ..base import (
    EngineError,
    EngineEvent,
    EngineLost,
    EngineRequest,
    ModelInfo,
    ModelState,
)

HEAD = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Build:
    """`factory`: `module:name` of what makes the engine, of these options."""

    factory: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Do:
    """Answered by `Done`; one at a time."""

    name: Literal["measure", "start"]


@dataclass(frozen=True, slots=True)
class Ask:
    """Answered by events, the last of them `Over`."""

    request: EngineRequest


@dataclass(frozen=True, slots=True)
class Drop:
    """Nobody waits for the answer to this request any more."""

    id: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An `EngineError`, which does not survive being pickled; without a `code`, what
    should not have happened."""

    code: str
    message: str
    retryable: bool = False
    lost: bool = False

    @classmethod
    def of(cls, error: Exception) -> Failure:
        if not isinstance(error, EngineError):
            return cls("", f"{type(error).__name__}: {error}")
        lost = isinstance(error, EngineLost)
        return cls(error.code, error.message, error.retryable, lost)

    def error(self) -> Exception:
        if not self.code:
            return RuntimeError(self.message)
        if self.lost:
            return EngineLost(self.code, self.message)
        return EngineError(self.code, self.message, retryable=self.retryable)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of `Do`: for `measure`, bytes."""

    value: int | None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Over:
    failure: Failure | None = None


News = list[tuple[str, EngineEvent | Over]]
"""Of several requests, by their ids: what is said at one moment goes at once."""


@dataclass(frozen=True, slots=True)
class Told:
    """The state of the engine, and the models by now: its context is known late."""

    state: ModelState
    models: tuple[ModelInfo, ...]


@dataclass(frozen=True, slots=True)
class Logged:
    name: str
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Guessed:
    """Tokens guessed ahead for one answer, to be counted where they are asked for."""

    source: str
    guessed: int
    accepted: int


@dataclass(frozen=True, slots=True)
class Alive:
    pass


Message = Build | Do | Ask | Drop | Done | News | Told | Logged | Guessed | Alive


class Pipe(asyncio.Protocol):
    """One end. `heard` and `lost` are called on the event loop."""

    def __init__(
        self, heard: Callable[[Message], None], lost: Callable[[], None]
    ) -> None:
        self._heard, self._lost = heard, lost
        self._transport: asyncio.Transport | None = None
        self._bytes = bytearray()
        self.writable = asyncio.Event()
        """Not while the other end does not read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        begin = 0
        while len(self._bytes) >= begin + HEAD.size:
            (size,) = HEAD.unpack_from(self._bytes, begin)
            end = begin + HEAD.size + size
            if len(self._bytes) < end:
                break
            self._heard(pickle.loads(self._bytes[begin + HEAD.size : end]))
            begin = end
        del self._bytes[:begin]

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.writable.set()  # what waits for it has nobody to write to
        self._lost()

    def send(self, message: Message) -> None:
        """To nobody where the other end is gone."""
        if self._transport is None or self._transport.is_closing():
            return
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self._transport.write(HEAD.pack(len(data)) + data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
