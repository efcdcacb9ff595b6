"""Measure the local engine beside others with the same model (docs/benchmarks.md)."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


def numbers(text: str) -> list[int]:
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1 or len(set(found)) < len(found):
        raise ArgumentTypeError("expected different whole numbers from 1, as in 1,8,32")
    return found


def positive(text: str) -> int:
    [number] = numbers(text)
    return number


def folder(text: str) -> Path | None:
    """As an absolute path; none for an empty text."""
    path = Path(text).resolve() if text else None
    if path and not path.is_dir():
        raise ArgumentTypeError(f"there is no folder {text}")
    return path


class Command(BaseCommand):
    help = (
        "Tokens a second, first tokens and gaps of the whole product, of its engine, "
        "of the library's manager and server, and of one thread for each request."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--requests", type=numbers, default=[1, 8, 32, 128], help="1,8,32,128"
        )
        parser.add_argument("--tokens", type=positive, default=128, help="of each")
        parser.add_argument(
            "--context", type=positive, default=0, help="words before each question"
        )
        parser.add_argument("--rounds", type=positive, default=3)
        model = parser.add_mutually_exclusive_group()
        model.add_argument("--model", type=folder, help="a folder; else the demo model")
        model.add_argument("--shape", help="random weights: qwen3-0.6b, qwen3-7b, …")
        parser.add_argument("--json", action="store_true")
        parser.add_argument(
            "--docs",
            type=folder,
            default=settings.BASE_DIR / "docs",
            help="where the plot and the tables go; empty: nowhere",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            # Only here: it brings torch in, and installations have no bench/.
            from bench.engines.command import Order, run  # noqa: PLC0415
        except ImportError as error:
            raise CommandError(
                f"Measuring needs the whole repository and `make install`: {error}"
            ) from error
        order = Order(
            requests=options["requests"],
            tokens=options["tokens"],
            rounds=options["rounds"],
            model=options["model"],
            shape=options["shape"],
            docs=options["docs"],
            context=options["context"],
        )
        try:
            said = run(order, self.stderr.write, as_data=options["json"])
        except (ValueError, OSError, RuntimeError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(said)
