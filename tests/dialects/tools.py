"""Tools that tests offer, and what the scripted engine's calls of them say."""

from __future__ import annotations

from typing import Any

PLACE = {
    "type": "object",
    "properties": {"at": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["at", "n"],
    "additionalProperties": False,
}
ARGUMENTS = '{{"n": {}, "at": "北京 🙂"}}'


def function(name: str, **more: Any) -> dict[str, Any]:
    about = {"description": f"Tells the {name}.", "parameters": PLACE}
    return {"name": name, **about, **more}


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": function(name, **more)}


TOOLS = [tool("weather"), tool("time")]
FLAT = [{"type": "function", **function(name)} for name in ("weather", "time")]


def arguments(place: int) -> str:
    return ARGUMENTS.format(place)


BOTH = [("weather", arguments(0)), ("time", arguments(1))]
