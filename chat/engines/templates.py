"""Chat templates, as text: what a model's own says it can. Pure but for reading it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from .tool_text import OPEN

TEMPLATE = "chat_template.jinja"
CONFIG = "tokenizer_config.json"


def template_in(folder: Path) -> str:
    """The template of the model in a folder; of several, all together. Empty where
    there is none, or no folder yet."""
    try:
        return (folder / TEMPLATE).read_text("utf-8")
    except (OSError, ValueError):
        pass
    try:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    return joined(config.get("chat_template")) if isinstance(config, dict) else ""


def joined(template: Any) -> str:
    """A tokenizer has one, or several by name: as a mapping, in its file as a list."""
    if isinstance(template, dict):
        return "\n".join(map(str, template.values()))
    if isinstance(template, list):
        return "\n".join(str(one.get("template", "")) for one in template)
    return template if isinstance(template, str) else ""


def takes_tools(template: str) -> bool:
    """Whether it tells the model of tools, and has it call them as `tool_text` reads
    it: JSON in a tag. Other forms of calls would come out as text."""
    tells = re.search(r"\btools\b", template) is not None
    return tells and OPEN in template and "<function=" not in template
