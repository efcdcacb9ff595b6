"""Fixtures of the core's tests."""

from __future__ import annotations

from typing import Any

import pytest

from chat.running import runner


@pytest.fixture
def quick(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that checkpoints and looks for work more often than it would."""
    settings.CHAT_CHECKPOINT_SECONDS = 0.02
    monkeypatch.setattr(runner, "POLL_SECONDS", 0.05)
