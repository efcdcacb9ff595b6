"""Holds text back until it is certain that it may be seen. Pure: no Django, no I/O.

`compile_rules` makes a `RuleSet`, once for all texts; `Guard` lets one text through.
"""

from .errors import RuleError
from .matches import WINDOW
from .rules import Action, Kind, Rule, RuleSet, compile_rules
from .stream import MASK, Finding, Guard

__all__ = [
    "MASK",
    "WINDOW",
    "Action",
    "Finding",
    "Guard",
    "Kind",
    "Rule",
    "RuleError",
    "RuleSet",
    "compile_rules",
]
