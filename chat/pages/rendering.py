"""Markdown as HTML, for pages that are read before or without their scripts.

Raw HTML in it stays text, only web and mail addresses become links, and pictures
become the words that describe them: nothing is loaded. What the library made goes
through a sanitiser all the same. The page's own scripts (static/chat/markdown.js)
draw the same blocks again, with formulas and highlighted code.
"""

from __future__ import annotations

from collections.abc import Sequence

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

MAX_CHARS = 200_000
"""Longer texts are shown as they are."""
TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code"),
    *("ul", "ol", "li", "em", "strong", "s", "a"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}


def _picture(
    self: RendererHTML,
    tokens: Sequence[Token],
    index: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    """What it says instead of the picture."""
    return self.renderInlineAsText(tokens[index].children or [], options, env)


_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(
    ["table", "strikethrough"]
)
_markdown.add_render_rule("image", _picture)


def markdown(text: str) -> SafeString:
    """Safe HTML of untrusted markdown."""
    if len(text) > MAX_CHARS:
        return SafeString(f"<p>{nh3.clean_text(text)}</p>")
    html = nh3.clean(
        _markdown.render(text),
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(html)
