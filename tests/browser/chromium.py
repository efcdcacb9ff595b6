"""The browser of the tests, of the benchmarks and of the documentation's pictures."""

from __future__ import annotations

import shutil


def installed_chromium() -> str | None:
    """Where it is; None: where Playwright puts its own.

    The one without windows draws the same pages for two thirds of the processor time.
    """
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")
