"""The record: conversations, messages, generations, feedback, access."""

from .access import ApiKey
from .conversation import Conversation
from .feedback import Feedback
from .generation import Generation
from .message import Message
from .preferences import Preferences
from .prompt_template import PromptTemplate
from .quota import Pace, Quota
from .share import Share
from .usage import Usage

__all__ = [
    "ApiKey",
    "Conversation",
    "Feedback",
    "Generation",
    "Message",
    "Pace",
    "Preferences",
    "PromptTemplate",
    "Quota",
    "Share",
    "Usage",
]
