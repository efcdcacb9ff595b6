"""`manage.py benchmark_engine`: its arithmetic, its report, and who is asked when."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from io import StringIO
from math import isnan
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command

from bench.engines import contest, talk
from bench.engines.bandwidth import Weight, weigh
from bench.engines.contest import CONTENDERS, Contender, Plan
from bench.engines.prompts import CONTEXT, prompt
from bench.engines.replies import Figures, Reply, figures, middle
from bench.engines.report import put
from bench.engines.servers import hear
from bench.engines.shapes import DEMO, build

SPEED = {"Chatsite": 300, "bare manager": 200, "transformers serve": 150}


def test_figures_count_from_the_first_question_to_the_last_text() -> None:
    replies = [
        Reply(asked=10.0, arrivals=[10.1, 10.2, 10.5], tokens=5),
        Reply(asked=10.2, arrivals=[10.5, 12.0], tokens=15),
    ]

    found = figures(replies)

    assert found.tokens_per_second == pytest.approx(10)
    assert (found.first_p50, found.first_p99) == pytest.approx((300, 300))
    assert (found.gap_p50, found.gap_longest) == pytest.approx((300, 1500))


def test_a_reply_of_one_piece_has_no_gaps() -> None:
    found = figures([Reply(asked=1.0, arrivals=[2.0], tokens=8)])

    assert found.tokens_per_second == 8
    assert isnan(found.gap_p50)
    assert isnan(found.gap_longest)


def test_it_measures_nothing_where_somebody_got_no_text() -> None:
    with pytest.raises(ValueError, match="no text"):
        figures([Reply(1.0, [2.0], 3), Reply(1.0)])


def test_the_median_of_the_rounds_counts() -> None:
    rounds = [Figures(*([float(value)] * 6)) for value in (1, 9, 4)]

    assert middle(rounds) == Figures(4, 4, 4, 4, 4, 4)


@pytest.mark.parametrize(
    ("frames", "arrivals", "tokens"),
    [
        (b'id: 1\nevent: start\ndata: {"message":"5"}\n\n', [], 0),
        (b'id: 2\nevent: delta\ndata: {"text":"Hi"}\n\n', [7.0], 0),
        (b'id: 9\nevent: done\ndata: {"usage":{"completion_tokens":12}}\n\n', [], 12),
        (b'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n', [], 0),
        (b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n', [7.0], 0),
        (b'data: {"choices":[{"delta":{"content":""}}]}\n\n', [], 0),
        (b'data: {"usage":{"completion_tokens": 9,"total_tokens":3}}\n\n', [], 9),
    ],
)
def test_readers_hear_text_and_usage_in_either_dialect(frames, arrivals, tokens):
    reply = Reply()

    hear(reply, frames, 7.0)

    assert (reply.arrivals, reply.tokens) == (arrivals, tokens)


def test_the_limit_is_what_the_memory_can_read() -> None:
    weight = Weight(step=1000, token=10)

    assert weight.limit(bandwidth=1e6, requests=1, context=0) == 1000
    assert weight.limit(bandwidth=1e6, requests=10, context=10) == 5000


def test_a_model_is_weighed_without_the_embeddings_it_only_looks_up() -> None:
    weight = weigh(DEMO, itemsize=2)

    # Tied: they are the output layer, too.
    stored = (DEMO / "model.safetensors").stat().st_size
    assert weight.step == pytest.approx(stored, rel=0.01)
    assert weight.token == 5 * 2 * 2 * 48 * 2


def test_an_unknown_shape_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"qwen3-0\.6b"):
        build(tmp_path, "gpt-9")


def test_a_document_keeps_a_place_for_each_model() -> None:
    document = put("# Benchmarks\n", "demo", r"old \1")
    document = put(document, "large", "other")

    document = put(document, "demo", "new")

    assert document.index("new") < document.index("other")
    assert "old" not in document
    assert document.count("<!-- engine demo -->") == 1


def at_the_speed_of(title: str, asked: list) -> Contender:
    """One that answers at once, and says when its text would have come."""

    def ask(requests: int, tokens: int):
        asked.append((title, requests, tokens))
        end = requests * tokens / SPEED.get(title, 20)
        return [Reply(0.0, [end / 2, end], tokens) for _ in range(requests)]

    return Contender(title, lambda _plan: nullcontext(ask))


@pytest.fixture
def asked(monkeypatch) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    fakes = tuple(at_the_speed_of(each.title, found) for each in CONTENDERS)
    monkeypatch.setattr(contest, "CONTENDERS", fakes)
    return found


def test_everybody_warms_up_and_begins_a_round_once(asked) -> None:
    contest.contest(Plan(DEMO, [1, 32], 400, 2), lambda _line: None)

    begun = [title for title, requests, tokens in asked if tokens == 8]
    titles = [each.title for each in CONTENDERS]
    assert begun == [*titles, *titles[1:], titles[0]]
    assert ("Chatsite", 32, 400) in asked
    # So many threads would take minutes.
    assert ("a thread each", 32, 64) in asked


def test_the_command_writes_the_tables_and_a_picture(
    asked, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv(CONTEXT, "0")
    (tmp_path / "benchmarks.md").write_text("# Benchmarks\n")

    said, told = StringIO(), StringIO()
    call_command(
        "benchmark_engine",
        "--requests=1,32",
        "--tokens=50",
        "--rounds=1",
        f"--docs={tmp_path}",
        stdout=said,
        stderr=told,
    )

    assert re.search(
        r"Chatsite / transformers serve +\| 2\.00 +\| 2\.00", said.getvalue()
    )
    assert said.getvalue().strip() in (tmp_path / "benchmarks.md").read_text()
    picture = ElementTree.parse(tmp_path / "images" / "engine-demo.svg").getroot()
    drawn = "".join(picture.itertext())
    assert all(each.title in drawn for each in CONTENDERS)
    assert "round 1: Chatsite, 32 at once: 300 tokens/s" in told.getvalue()


def test_prompts_begin_differently(monkeypatch) -> None:
    monkeypatch.setenv(CONTEXT, "3")

    assert prompt(1) == "1.0 1.1 1.2 Tell me about Chatsite, number 1."


def test_the_command_prints_json(asked, monkeypatch) -> None:
    monkeypatch.setenv(CONTEXT, "0")
    said = StringIO()
    call_command(
        "benchmark_engine", "--json", "--docs=", stdout=said, stderr=StringIO()
    )

    found = json.loads(said.getvalue())
    assert found["ratios"]["32"]["tokens/s, Chatsite / bare manager"] == 1.5
    assert len(found["figures"]) == len(CONTENDERS) * 4


@pytest.mark.parametrize("requests", ["0", "a", "1,1", "8,", "-1"])
def test_the_command_refuses_what_is_no_list_of_numbers(requests) -> None:
    with pytest.raises(CommandError, match="whole numbers"):
        call_command("benchmark_engine", f"--requests={requests}")


def test_the_command_refuses_an_unknown_shape() -> None:
    with pytest.raises(CommandError, match="gpt-9"):
        call_command("benchmark_engine", "--shape=gpt-9", stderr=StringIO())


def test_a_process_of_its_own_is_asked_and_answers(tiny_folder) -> None:
    with talk.asking("alone", str(tiny_folder)) as ask:
        replies = ask(2, 5)

    assert [reply.tokens for reply in replies] == [5, 5]
    assert all(reply.asked < reply.arrivals[0] for reply in replies)


def test_a_process_that_cannot_begin_says_so() -> None:
    asking = talk.asking("nothing")
    with pytest.raises(RuntimeError, match="nothing ended"), asking:
        pass
