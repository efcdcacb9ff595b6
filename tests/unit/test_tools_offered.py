"""What is said of tools to a model that decides itself whether to call one."""

import pytest

from chat.api import tools
from chat.api.tools import Offering
from chat.errors import ChatError

TOOL = {"type": "function", "function": {"name": "weather"}}
NAMED = {"type": "function", "function": {"name": "weather"}}


@pytest.fixture(autouse=True)
def own_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    able = {"tools", "own_choice"}
    monkeypatch.setattr(tools, "can", lambda _model, what: what in able)


@pytest.mark.parametrize("choice", [None, "auto", "none"])
def test_it_is_told_what_it_may(choice):
    offered = Offering(tool_choice=choice).offered("local", [TOOL])
    assert (offered["tools"], offered["tool_choice"]) == ([TOOL], choice)


@pytest.mark.parametrize("choice", ["required", NAMED])
def test_it_cannot_be_told_what_it_must(choice):
    with pytest.raises(ChatError) as error:
        Offering(tool_choice=choice).offered("local", [TOOL], at="parameters.")
    assert (error.value.code, error.value.field) == (
        "unsupported_parameter",
        "parameters.tool_choice",
    )
