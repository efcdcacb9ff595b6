"""A value of the file and where it stands, so that a complaint can name the place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from ..errors import Text

MAX_TEXT = 1_000_000
MAX_ID = 200
MILLISECONDS = 1e11
"""A larger number of seconds would be in the year 5138."""
UNWANTED = re.compile("[\0\ud800-\udfff]")


class MisfitError(Exception):
    """What stands at this place of the file cannot be taken."""

    def __init__(self, place: str, message: Text) -> None:
        super().__init__(place)
        self.place = place
        self.message = message


@dataclass(frozen=True, slots=True)
class Node:
    value: Any
    place: str

    def __getitem__(self, key: str) -> Node:
        """A member; what is not there is null."""
        return Node(self._object().get(key), f"{self.place}.{key}")

    def members(self) -> Iterator[tuple[str, Node]]:
        for key, value in self._object().items():
            yield key, Node(value, f"{self.place}.{key}")

    def elements(self) -> Iterator[Node]:
        if self.value is None:
            return
        if not isinstance(self.value, list):
            raise self.misfit(_("This must be a list."))
        for place, value in enumerate(self.value):
            yield Node(value, f"{self.place}[{place}]")

    def at_most(self, limit: int) -> None:
        """Refuse a list or an object that is longer."""
        if isinstance(self.value, (list, dict)) and len(self.value) > limit:
            raise self.misfit(
                _("These are more than the %(limit)d allowed.") % {"limit": limit}
            )

    def _object(self) -> dict[str, Any]:
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise self.misfit(_("This must be an object."))
        return self.value

    def text(self, limit: int = MAX_TEXT) -> str:
        """A string that any database takes; null is empty."""
        if self.value is None:
            return ""
        if not isinstance(self.value, str):
            raise self.misfit(_("This must be a string."))
        if len(self.value) > limit:
            raise self.misfit(
                _("This is longer than the %(limit)d characters allowed.")
                % {"limit": limit}
            )
        return UNWANTED.sub("", self.value)

    def line(self, limit: int) -> str:
        """A string of one line, cut where it is too long."""
        return " ".join(self.text().split())[:limit]

    def key(self) -> str | None:
        """The id of something in the file."""
        return self.text(MAX_ID) or None

    def flag(self) -> bool:
        return self.value is True

    def number(self) -> int:
        """A count; what is none is 0."""
        sane = isinstance(self.value, int) and not isinstance(self.value, bool)
        return self.value if sane and 0 <= self.value < 2**31 else 0

    def moment(self) -> datetime | None:
        """Seconds or milliseconds since 1970, or ISO 8601; never in the future."""
        if self.value is None or self.value == 0 or self.value == "":
            return None
        found = self._moment()
        if found is None:
            raise self.misfit(
                _("This must be a time: seconds since 1970, or ISO 8601.")
            )
        return min(found, datetime.now(UTC))

    def _moment(self) -> datetime | None:
        value = self.value
        try:
            if isinstance(value, str):
                parsed = parse_datetime(value)
                return parsed and _in_utc(parsed)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                seconds = value / 1000 if value > MILLISECONDS else value
                return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            pass
        return None

    def misfit(self, message: Text) -> MisfitError:
        return MisfitError(self.place, message)


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
