"""The record: conversations, messages, generations, feedback, access."""

from .access import ApiKey
from .audit import AuditEntry
from .conversation import Conversation
from .departure import Departure
from .feedback import Feedback
from .generation import Generation
from .guard import GuardFinding, GuardRule
from .hold import Hold
from .invite import Invite
from .message import Message
from .passage import Passage
from .picture import LooseFile, Picture
from .preferences import Preferences
from .prompt_template import PromptTemplate
from .quota import Pace, Quota
from .review import Flag, Note
from .share import Share
from .tag import Tag
from .traffic import Traffic, TrafficMark
from .usage import Usage

__all__ = [
    "ApiKey",
    "AuditEntry",
    "Conversation",
    "Departure",
    "Feedback",
    "Flag",
    "Generation",
    "GuardFinding",
    "GuardRule",
    "Hold",
    "Invite",
    "LooseFile",
    "Message",
    "Note",
    "Pace",
    "Passage",
    "Picture",
    "Preferences",
    "PromptTemplate",
    "Quota",
    "Share",
    "Tag",
    "Traffic",
    "TrafficMark",
    "Usage",
]
