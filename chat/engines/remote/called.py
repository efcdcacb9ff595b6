"""Tool calls as engines stream them, as pieces: pure, no I/O.

They should come in order, with an index, the id and the name once. Some engines give
every call the index 0 and another id, some no index or no id, some repeat both, and
some have the arguments as an object.
"""

from __future__ import annotations

import json
from typing import Any

from chat.tool_calls import CallPiece, Calls

from .trouble import nonsense


class Called:
    def __init__(self, request: str) -> None:
        self._request = request
        self._place: dict[Any, int] = {}
        """Our number, by the engine's index: of the last one where it repeats it."""
        self._ids: list[str] = []

    @property
    def any(self) -> bool:
        return bool(self._ids)

    def take(self, calls: Any) -> Calls:
        if not calls:
            return ()
        if not (isinstance(calls, list) and all(isinstance(c, dict) for c in calls)):
            raise nonsense("its tool calls are no list of objects")
        return tuple(piece for call in calls if len(piece := self._piece(call)))

    def _piece(self, call: dict[str, Any]) -> CallPiece:
        function = call.get("function") or {}
        if not isinstance(function, dict):
            raise nonsense("a tool call has no function")
        index, given = call.get("index"), call.get("id") or ""
        name, arguments = function.get("name") or "", text_of(function.get("arguments"))
        if not isinstance(index, int | None) or not isinstance(given, str):
            raise nonsense("a tool call has no place")
        place = self._place.get(index)
        if place is None or self._is_another(index, place, given, name):
            return self._begin(index, given, name, arguments)
        return CallPiece(place, arguments=arguments)

    def _is_another(self, index: Any, place: int, given: str, name: str) -> bool:
        if given:
            return given != self._ids[place]
        return index is None and bool(name)

    def _begin(self, index: Any, given: str, name: Any, arguments: str) -> CallPiece:
        if not (name and isinstance(name, str)):
            raise nonsense("a tool call has no name")
        place = self._place[index] = len(self._ids)
        self._ids.append(given or f"call_{self._request}_{place}")
        return CallPiece(place, self._ids[place], name, arguments)


def text_of(arguments: Any) -> str:
    if isinstance(arguments, str | None):
        return arguments or ""
    return json.dumps(arguments, ensure_ascii=False)
