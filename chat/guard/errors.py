"""What is wrong with a rule."""

from __future__ import annotations


class RuleError(ValueError):
    """`code`: syntax, unsupported, too_complicated, matches_nothing, empty, too_long
    or too_many. `detail` is the part of the pattern, or the limit, it is about."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
