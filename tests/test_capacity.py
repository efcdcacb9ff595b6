"""docs/capacity.md says what the model says, and the model what was measured."""

from __future__ import annotations

import re
import tomllib
from math import ceil
from pathlib import Path

import pytest
from django.conf import settings

from bench import capacity
from bench.capacity import Site
from chat.engines.remote.config import from_file

DOCS = Path(settings.ROOT) / "docs"
TEXT = (DOCS / "capacity.md").read_text()


def measured() -> dict[str, list[float]]:
    """The columns of numbers in benchmarks.md, by the first one."""
    text = (DOCS / "benchmarks.md").read_text()
    section = text.partition("## What an answer costs each part\n")[2]
    section = section.partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) +\| ([\d.|, ]+)\|", section, re.MULTILINE)
    return {
        name: [float(n) for n in re.findall(r"[\d.]+", rest)] for name, rest in rows
    }


def plain(table: str) -> list[str]:
    """Its cells: how wide they are drawn does not count."""
    return [
        re.sub(r"\s+", " ", line) for line in table.splitlines() if "--" not in line
    ]


def test_the_document_has_the_tables_that_the_model_prints() -> None:
    shown = plain(TEXT)

    for table in (capacity.sites(), capacity.engines(), capacity.costs()):
        assert [line for line in plain(table) if line not in shown] == []


def test_the_model_counts_with_what_was_measured() -> None:
    """Or with a little more."""
    found = measured()
    counted = {
        "web": (capacity.WEB_START_MS, capacity.WEB_TOKEN_US),
        "runner": (capacity.RUNNER_START_MS, capacity.RUNNER_TOKEN_US),
        "PostgreSQL": (capacity.POSTGRES_START_MS, capacity.POSTGRES_TOKEN_US),
    }

    for name, (start, token) in counted.items():
        assert start == pytest.approx(found[name][0], rel=0.1)
        assert token == pytest.approx(found[name][1], rel=0.1)
    tailing = found["tailing, CPU µs a token"]
    assert min(tailing) <= capacity.TAIL_US <= max(tailing) * 1.1
    assert (
        pytest.approx(max(found["Redis, CPU µs a token"]), rel=0.2) == capacity.REDIS_US
    )
    assert max(found["tailing, bytes a token"]) == capacity.TAPE_BYTES


def test_the_document_says_how_many_one_process_serves() -> None:
    assert f"{capacity.alone()} live streams" in TEXT


def test_it_names_what_it_counts_with() -> None:
    assert f"at\n{capacity.RATE} tokens a second" in TEXT
    assert f"answers have {capacity.ANSWER_TOKENS} tokens" in TEXT
    assert f"busy for {capacity.BUSY:.0%}".replace("%", " %") in TEXT
    assert "one user in ten" in TEXT
    assert capacity.LIVE_SHARE == 0.1


def test_it_counts_ten_thousand_users_by_hand() -> None:
    _count, site = capacity.cells(10_000)
    shown = [
        f"{site.starts:.0f} starts a second",
        f"= {site.hearing:.2f} of each",
        f"= {capacity.cores(site, 'web'):.1f} cores, by 0.42: four",
        f"= {capacity.cores(site, 'runner'):.1f} cores, by 0.42: seven",
        f"= {site.postgres_cores:.1f} cores",
    ]

    assert [words for words in shown if words not in TEXT] == []
    assert (site.web, site.runners) == (4, 7)


def test_a_million_users_are_so_many_cells() -> None:
    count, site = capacity.cells(1_000_000)

    assert count == ceil(100_000 / capacity.CELL_STREAMS)
    assert f"{count} times the same" in TEXT
    assert site.live <= capacity.CELL_STREAMS


@pytest.mark.parametrize("users", capacity.USERS)
def test_every_plan_has_enough_of_everything(users: int) -> None:
    """Counted the other way round: what is there against what is asked for."""
    count, site = capacity.cells(users)

    assert count * site.live >= users * capacity.LIVE_SHARE
    for processes, role in ((site.web, "web"), (site.runners, "runner")):
        busy = capacity.cores(site, role) / processes + site.hearing
        assert busy <= capacity.BUSY + 1e-9
    assert site.redis_cores < 1  # it has one
    assert min(site.web, site.runners) >= 2


def test_beyond_a_cell_processes_no_longer_help() -> None:
    """What makes the cell as large as it is: twice the streams, far more than twice
    the processes."""
    one, two = Site(capacity.CELL_STREAMS), Site(2 * capacity.CELL_STREAMS)

    assert two.processes > 3 * one.processes
    assert one.hearing < capacity.BUSY / 2


@pytest.mark.parametrize("model", capacity.MODELS, ids=lambda model: model.name)
def test_a_full_replica_is_fast_enough(model: capacity.Model) -> None:
    assert model.streams > 0
    assert model.step_ms < 1000 / capacity.RATE / 2


def test_the_example_of_a_models_file_can_be_read(tmp_path: Path) -> None:
    [block] = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "models.toml"
    file.write_text(block)

    engines = from_file(file)

    assert tomllib.loads(block)
    assert [len(engine.base_urls) for engine in engines] == [3, 2]
