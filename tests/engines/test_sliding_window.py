"""Models whose layers see a window only keep its keys in a ring: what is written there
in vain is gone. Guessing ahead must leave it alone."""

from collections.abc import Sequence
from pathlib import Path

from chat.engines.local import LocalEngine
from chat.engines.local.sampling import Chooser
from chat.engines.local.speculation import Pace, Source
from tests.engines.helpers import ask, collect
from tests.engines.tiny import make_model

WINDOW = 32


class Wrong:
    """Guesses, and never what the model says."""

    def __init__(self) -> None:
        self.drafts = 0

    def draft(
        self, name: str, ids: Sequence[int], count: int, chooser: Chooser
    ) -> list[int]:
        self.drafts += 1
        return [(ids[-1] + 7 * place + 1) % 250 for place in range(count)]

    def forget(self, name: str) -> None: ...


async def test_wrong_guesses_change_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Pace, "learn", lambda *_args: None)  # it never gives up
    layers = ["sliding_attention", "full_attention"]
    folder = make_model(
        tmp_path,
        use_sliding_window=True,
        sliding_window=WINDOW,
        max_window_layers=0,
        layer_types=layers,
    )
    engine, wrong = LocalEngine(str(folder), cache_size=16_384), Wrong()
    await engine.start()
    try:
        request = ask(max_tokens=2 * WINDOW, temperature=1.0, seed=1)
        engine._worker._speculator._sources = []
        expected = (await collect(engine, request)).token_ids
        engine._worker._speculator._sources = [Source("wrong", wrong, 8)]
        said = (await collect(engine, request)).token_ids
    finally:
        await engine.stop()

    assert said == expected
    assert wrong.drafts
