"""The libraries, told to be quiet: they draw bars into the log, and advise to install
what is not needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from diffusers.utils import logging as diffusers_log
from transformers.utils import logging as transformers_log


@contextmanager
def quietly() -> Iterator[None]:
    """While a pipeline's classes are imported, and while it is loaded."""
    transformers_log.disable_progress_bar()
    diffusers_log.disable_progress_bar()
    diffusers_log.set_verbosity_error()
    before = transformers_log.get_verbosity()
    transformers_log.set_verbosity_error()
    try:
        yield
    finally:
        transformers_log.set_verbosity(before)
