"""Markdown as HTML: what it draws, and that nothing in it can do harm."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.pages import rendering
from chat.pages.rendering import ATTRIBUTES, TAGS, markdown

PARTS = st.sampled_from(
    ["<", ">", "[a](", "![", ")", "javascript:", "`", "*", "\n", "&lt;", '"', "<svg"]
)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**a** `b`", "<p><strong>a</strong> <code>b</code></p>"),
        ("a\nb", "<p>a<br>\nb</p>"),
        ("~~a~~", "<p><s>a</s></p>"),
        ("```py\nx<1\n```", "<pre><code>x&lt;1\n</code></pre>"),
        ("3. a", '<ol start="3">\n<li>a</li>\n</ol>'),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>"),
        ("[a](javascript:x)", "<p>[a](javascript:x)</p>"),
        ("![a cat](https://x.example/c.png)", "<p>a cat</p>"),
    ],
)
def test_it_draws(text: str, html: str) -> None:
    assert markdown(text).strip() == html


def test_a_link_leads_out_without_a_word_of_where_from() -> None:
    html = markdown('[a](https://x.example "t")')
    assert 'href="https://x.example"' in html
    assert 'rel="noopener noreferrer nofollow"' in html


def test_a_very_long_text_is_shown_as_it_is(monkeypatch) -> None:
    monkeypatch.setattr(rendering, "MAX_CHARS", 3)
    assert markdown("*a*b<") == "<p>*a*b&lt;</p>"


@settings(max_examples=200, deadline=None)
@example("[a](>javascript:)")  # a path: no scheme begins with a %
@given(st.lists(PARTS | st.text(max_size=5), max_size=30).map("".join))
def test_only_harmless_elements_come_out(text: str) -> None:
    html = markdown(text)
    for tag, rest in re.findall(r"<(\w+)([^>]*)>", html):
        assert tag in TAGS
        names = set(re.findall(r"\s([\w-]+)=", re.sub(r'"[^"]*"', '""', rest)))
        assert names <= ATTRIBUTES.get(tag, set()) | {"rel"}
    for address in re.findall(r'href="([^"]*)"', html):
        assert not re.search(r"[\0-\x20]", address)  # browsers skip some of them
        scheme = re.match(r"([a-z][a-z0-9+.-]*):", address, re.IGNORECASE)
        assert scheme is None or scheme[1].lower() in ("http", "https", "mailto")
