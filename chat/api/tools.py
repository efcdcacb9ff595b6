"""Tools a program offers with its request, in any of the dialects.

They are the engine's business: checked for their shape, and passed on to engines that
can (`ModelInfo.can`). Where one cannot, the parameter is refused by its name.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from django.utils.translation import gettext_lazy as _
from ninja import Schema
from pydantic import BeforeValidator, Field, StrictBool

from ..engines.registry import can
from ..errors import ChatError
from .schemas import JsonObject, Text

MAX_TOOLS = 128
MAX_CHARS = 200_000
"""Of all descriptions together, as JSON."""
Name = Annotated[Text, Field(min_length=1, max_length=128)]
Json = dict[str, Any]


class FunctionIn(Schema):
    name: Name
    description: Text | None = None
    parameters: JsonObject | None = None
    strict: StrictBool | None = None


class ToolIn(Schema):
    type: Literal["function"] = "function"
    function: FunctionIn

    def told(self) -> Json:
        return self.model_dump(exclude_none=True)


def flat_choice(value: Any) -> Any:
    """Responses name the function beside the type, chat completions below it."""
    if isinstance(value, dict) and "function" not in value and "name" in value:
        return {"type": value.get("type"), "function": {"name": value["name"]}}
    return value


class NamedFunction(Schema):
    name: Name


class NamedChoice(Schema):
    type: Literal["function"]
    function: NamedFunction


Mode = Literal["none", "auto", "required"]
Choice = Annotated[Mode | NamedChoice, BeforeValidator(flat_choice)]


def told_choice(choice: str | NamedChoice | None) -> str | Json | None:
    return choice.model_dump() if isinstance(choice, NamedChoice) else choice


class Offering(Schema):
    """What is offered, and how it is to be used. A mixin of request bodies."""

    tool_choice: Choice | None = None
    parallel_tool_calls: StrictBool | None = None

    def offered(self, model: str, tools: list[Json], at: str = "") -> Json:
        """As an engine is told. `at`: where the parameters are in the body."""
        choice = self.tool_choice
        named = None if isinstance(choice, str | None) else choice.function.name
        if not tools:
            return self._of_nothing(at)
        if not can(model, "tools"):
            raise unsupported(f"{at}tools", NO_TOOLS)
        if choice not in (None, "none", "auto") and can(model, "own_choice"):
            raise unsupported(f"{at}tool_choice", OWN_CHOICE)
        if len(tools) > MAX_TOOLS or len(json.dumps(tools)) > MAX_CHARS:
            text = _("Too many tools, or descriptions that are too long.")
            raise ChatError(text, code="invalid_value", field=f"{at}tools")
        if named and named not in {tool["function"]["name"] for tool in tools}:
            raise unsupported(f"{at}tool_choice", _("There is no tool of this name."))
        return {
            "tools": tools,
            "tool_choice": told_choice(choice),
            "parallel_tool_calls": self.parallel_tool_calls,
        }

    def _of_nothing(self, at: str) -> Json:
        if self.tool_choice not in (None, "none", "auto"):
            raise unsupported(f"{at}tool_choice", NOTHING_OFFERED)
        if self.parallel_tool_calls is not None:
            raise unsupported(f"{at}parallel_tool_calls", NOTHING_OFFERED)
        return {}


NO_TOOLS = _("The engine of this model takes no tools.")
OWN_CHOICE = _("This model decides itself whether to call a tool: auto or none.")
NOTHING_OFFERED = _("Only together with tools.")


def unsupported(field: str, message: Any) -> ChatError:
    return ChatError(message, code="unsupported_parameter", field=field)
