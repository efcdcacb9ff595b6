"""What a contender without a server and its parent say to each other: lines of JSON.

The parent writes `[requests, tokens]`; the child answers with the replies' times. The
child's own output goes to the error stream: libraries print what they like.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from ..server import ROOT
from .replies import Ask, Reply


def answer(ask: Ask) -> None:
    """The child's side, until the parent has no more questions."""
    with os.fdopen(os.dup(1), "w", buffering=1) as parent:
        os.dup2(2, 1)
        print("ready", file=parent)
        for line in sys.stdin:
            requests, tokens = json.loads(line)
            replies = ask(requests, tokens)
            print(json.dumps([asdict(reply) for reply in replies]), file=parent)


@contextmanager
def asking(module: str, *arguments: str, **settings: str) -> Iterator[Ask]:
    """That module of this package as a process of its own, until it is left."""
    child = subprocess.Popen(
        [sys.executable, "-m", f"{__package__}.{module}", *arguments],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    questions, answers = child.stdin, child.stdout

    def hear() -> str:
        if line := answers.readline():
            return line
        raise RuntimeError(f"{module} ended with status {child.wait()}")

    def ask(requests: int, tokens: int) -> list[Reply]:
        print(json.dumps([requests, tokens]), file=questions, flush=True)
        return [Reply(**reply) for reply in json.loads(hear())]

    try:
        hear()
        yield ask
    finally:
        questions.close()
        child.wait()
        answers.close()
