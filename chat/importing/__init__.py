"""Conversations from elsewhere: Chatsite's own export, ChatGPT's, Open WebUI's.

A file is read one conversation at a time (`reader`); which format it has is told by
the shape of each conversation (`formats`); each becomes a `Draft` (`draft`) and is
stored in one transaction (`store`). The same file twice changes nothing: ids are made
from the ids of the origin.
"""

from .run import Report, run

__all__ = ["Report", "run"]
