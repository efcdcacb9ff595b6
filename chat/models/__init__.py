"""The record: conversations, messages, generations, feedback, access."""

from .access import ApiKey
from .conversation import Conversation
from .feedback import Feedback
from .generation import Generation
from .message import Message
from .passage import Passage
from .preferences import Preferences
from .prompt_template import PromptTemplate
from .quota import Pace, Quota
from .share import Share
from .tag import Tag
from .usage import Usage

__all__ = [
    "ApiKey",
    "Conversation",
    "Feedback",
    "Generation",
    "Message",
    "Pace",
    "Passage",
    "Preferences",
    "PromptTemplate",
    "Quota",
    "Share",
    "Tag",
    "Usage",
]
