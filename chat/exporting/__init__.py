"""Everything a user has, or one conversation, as a file. Formats: docs/export.md.

An export is a plain generator of bytes. It reads a bounded page at a time and holds no
cursor, transaction or connection between two pages: whoever steps it may do so from
any thread, as slowly as the file is taken.
"""

from .archive import one_as_zip, whole_as_zip
from .document import one_as_json, whole_as_json
from .markdown import one_as_markdown

__all__ = [
    "one_as_json",
    "one_as_markdown",
    "one_as_zip",
    "whole_as_json",
    "whole_as_zip",
]
