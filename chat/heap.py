"""What the C library keeps of memory that is free again."""

from __future__ import annotations

import ctypes
import sys

ARENA_MAX = -8
"""`M_ARENA_MAX` of glibc's malloc.h."""
ARENAS = 2


def share() -> None:
    """Let all threads share two heaps. Otherwise glibc gives each one of its own, which
    keeps what its busiest moment took. Elsewhere than with glibc, nothing happens."""
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(ARENA_MAX, ARENAS)
