"""The tape: what a generation said, in order, for any number of readers."""

from .base import SPAN, Fenced, Tape, Wake, Writer
from .memory import MemoryTape

__all__ = ["SPAN", "Fenced", "MemoryTape", "Tape", "Wake", "Writer"]
