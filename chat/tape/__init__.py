"""The tape: what a generation said, in order, for any number of readers."""

from .base import Fenced, Tape, Wake, Writer
from .memory import MemoryTape
from .redis import RedisTape
from .reel import CARRIED, SPAN

__all__ = [
    "CARRIED",
    "SPAN",
    "Fenced",
    "MemoryTape",
    "RedisTape",
    "Tape",
    "Wake",
    "Writer",
]
