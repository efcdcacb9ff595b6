"""What the C library keeps of free memory: `chat.heap`."""

from __future__ import annotations

import subprocess
import sys

from chat.heap import ARENAS

HEAPS = """
import ctypes, threading
from chat import heap
heap.share()
libc = ctypes.CDLL(None)
taken, all_have = [], threading.Barrier(8)
def take():
    taken.append(ctypes.create_string_buffer(10_000))
    libc.malloc(10_000)
    all_have.wait()
threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.fopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, out)
libc.fclose(out)
"""


def heaps(script: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.count("<heap ")


def test_it_lets_all_threads_share_heaps() -> None:
    assert heaps(HEAPS) <= ARENAS < heaps(HEAPS.replace("heap.share()", ""))
