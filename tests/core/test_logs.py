"""Log lines: which request and generation they are about, and what they never say."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from django.db import IntegrityError

from chat import generations
from chat.database import in_database
from chat.engines.base import EngineError
from chat.observe import logs
from chat.running import driver, outcomes
from chat.running.process import Process
from tests.core.helpers import ask
from tests.reading import body, eventually, finished

SECRET = "the mole is in Vienna"


@pytest.fixture(autouse=True)
def no_request() -> None:
    """Django's test client leaves the last one in the context of the tests."""
    logs.request.set("")


class Console:
    """What a handler of ours writes."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(formatter)
        self.handler.addFilter(logs.About())

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture(params=[logs.Json, logs.Line])
def console(request: pytest.FixtureRequest) -> Iterator[Console]:
    yield from listening(Console(request.param()))


@pytest.fixture
def as_json() -> Iterator[Console]:
    yield from listening(Console(logs.Json()))


def listening(console: Console) -> Iterator[Console]:
    root = logging.getLogger()
    level = root.level
    root.addHandler(console.handler)
    root.setLevel(logging.DEBUG)
    yield console
    root.setLevel(level)
    root.removeHandler(console.handler)


def refused(*_: object) -> None:
    raise IntegrityError(f"no such row\nDETAIL: Failing row contains ({SECRET}).")


class TestAbout:
    def test_an_object_a_line(self, as_json: Console) -> None:
        logging.getLogger("chat.test").warning("two %s", "words\nand 中文")

        [line] = as_json.lines
        assert line.pop("time")[10] == "T"
        assert line == {
            "level": "WARNING",
            "logger": "chat.test",
            "message": "two words\nand 中文",
        }

    def test_a_line_for_people(self) -> None:
        for console in listening(Console(logs.Line())):
            token = logs.request.set("req_1")
            logging.getLogger("chat.test").warning("so")
            logs.request.reset(token)
            logging.getLogger("chat.test").warning("so")
            first, second = console.text.splitlines()

        assert first.endswith("WARNING chat.test: [req_1] so")
        assert second.endswith("WARNING chat.test: so")

    @pytest.mark.django_db
    def test_the_request(self, api, as_json: Console, monkeypatch) -> None:
        monkeypatch.setattr("chat.generations.start", refused)
        api.raise_request_exception = False
        answer = api.post(
            "/api/chat/stream",
            {"prompt": SECRET},
            content_type="application/json",
            headers={"X-Request-Id": "mine-1"},
        )

        assert answer.status_code == 500
        told = [line for line in as_json.lines if line["logger"] == "chat.api.errors"]
        assert [line["request"] for line in told] == ["mine-1"]

    @pytest.mark.django_db(transaction=True)
    async def test_the_generation(
        self, running: Process, alice, as_json: Console, monkeypatch
    ) -> None:
        monkeypatch.setattr(driver.Driver, "_open", refused)
        row = await in_database(ask, alice, SECRET)
        [told] = await lines_of(as_json, "chat.running.runner")

        assert told["generation"] == str(row.pk)
        assert "IntegrityError: no such row" in told["error"]


async def lines_of(console: Console, logger: str) -> list[dict[str, str]]:
    def found() -> list[dict[str, str]]:
        return [line for line in console.lines if line["logger"] == logger]

    await eventually(lambda: in_database(found))
    return found()


@pytest.mark.django_db(transaction=True)
class TestNothingAnybodyWrote:
    async def test_in_an_answer_that_works(
        self, running: Process, alices, console: Console
    ) -> None:
        answer = await alices.post(
            "/api/chat/stream",
            {"prompt": f"{SECRET} echo pace=0"},
            content_type="application/json",
        )
        await body(answer)

        assert SECRET not in console.text

    async def test_in_errors_of_the_engine(
        self, running: Process, alice, console: Console, monkeypatch
    ) -> None:
        async def broken(self: object, job: object) -> str:
            raise EngineError("engine_refused", SECRET, retryable=False)

        monkeypatch.setattr(driver.Driver, "_stream", broken)
        await finished(await in_database(ask, alice, SECRET))

        assert SECRET not in console.text

    async def test_in_errors_of_the_database(
        self, running: Process, alice, console: Console, monkeypatch
    ) -> None:
        monkeypatch.setattr(outcomes, "checkpoint", refused)
        row = await in_database(ask, alice, f"{SECRET} pace=0 hang=5")
        await eventually(lambda: "no such row" in console.text)
        await in_database(generations.stop, alice, row.pk)
        await finished(row)

        assert SECRET not in console.text

    def test_in_errors_that_follow_from_others(self, console: Console) -> None:
        try:
            try:
                refused()
            except IntegrityError as error:
                raise ValueError(f"so\n{SECRET}") from error
        except ValueError:
            logging.getLogger("chat").exception("broken")

        assert "IntegrityError: no such row" in console.text
        assert "ValueError: so" in console.text
        assert SECRET not in console.text
