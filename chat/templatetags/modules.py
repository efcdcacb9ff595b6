"""Script modules without a bundler: the import map and the preload hints.

Our modules import one another by relative path. The import map sends each of those
addresses to the file that carries its content's hash, so that every file may be
cached for ever and no source has to be rewritten.
"""

from __future__ import annotations

import json
import posixpath
import re
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

FOLDER = "chat"
PACKAGES = {
    "marked": "vendor/marked/marked.esm.js",
    "dompurify": "vendor/dompurify/purify.es.mjs",
    "katex": "vendor/katex/katex.mjs",
    "highlight.js": "vendor/highlight/highlight.min.js",
}
# A static import; `import()` waits until a text needs it.
IMPORT = re.compile(r'^(?:import|export)\s[^"\'()]*["\']([^"\']+)["\']', re.MULTILINE)
# What would end a script element or open a comment in one.
ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


def own_modules() -> list[str]:
    static = settings.BASE_DIR / "static"
    found = (static / FOLDER).rglob("*.js")
    return sorted(path.relative_to(static).as_posix() for path in found)


def build_import_map() -> dict[str, dict[str, str]]:
    imports = {name: staticfiles_storage.url(path) for name, path in PACKAGES.items()}
    for name in own_modules():
        plain, hashed = f"{settings.STATIC_URL}{name}", staticfiles_storage.url(name)
        if plain != hashed:
            imports[plain] = hashed
    return {"imports": imports}


@lru_cache(maxsize=1)
def _kept_import_map_json() -> str:
    return _import_map_json()


def _import_map_json() -> str:
    return json.dumps(build_import_map()).translate(ESCAPES)


@register.simple_tag(takes_context=True)
def import_map(context: dict[str, Any]) -> SafeString:
    """The import map; it must stand before the first module script."""
    request: HttpRequest = context["request"]
    source = _import_map_json() if settings.DEBUG else _kept_import_map_json()
    return format_html(
        '<script type="importmap" nonce="{}">{}</script>',
        str(request.csp_nonce),  # type: ignore[attr-defined]
        mark_safe(source),
    )


def imported_by(entry: str) -> list[str]:
    """A module and all that it imports, directly or not."""
    static, found, waiting = settings.BASE_DIR / "static", set[str](), [entry]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        if name in PACKAGES.values():
            continue
        for target in IMPORT.findall((static / name).read_text()):
            near = posixpath.join(posixpath.dirname(name), target)
            own = posixpath.normpath(near) if target.startswith(".") else None
            waiting.append(own or PACKAGES[target])
    return sorted(found)


@lru_cache
def _kept_imported_by(entry: str) -> list[str]:
    return imported_by(entry)


@register.simple_tag
def module_preloads(entry: str) -> SafeString:
    """Preload hints, or the browser would find the modules one import at a time."""
    names = imported_by(entry) if settings.DEBUG else _kept_imported_by(entry)
    return format_html_join(
        "\n",
        '<link rel="modulepreload" href="{}">',
        ((staticfiles_storage.url(name),) for name in names),
    )
