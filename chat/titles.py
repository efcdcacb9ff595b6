"""Titles of conversations: the first words of the prompt, later the model's own.

The model is asked once, after the first answer that succeeded. Whoever changes
`title_source` from `prompt` to `asked` asks; what comes back is only stored while it
still says `asked`: a user who names a conversation is never overruled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from .database import write
from .engines.base import ChatMessage
from .models import Conversation
from .records import CONVERSATIONS
from .sql import fetch

TITLE_CHARS = 60
ATTACHED = re.compile(r'^<file name="([^"\n<>]*)">$', re.MULTILINE)
QUOTED_CHARS = 1000
"""So much of question and answer the model is shown."""
IDEOGRAPH = re.compile("[\u4e00-\u9fff]")
FRAME = re.compile(r"""^[\s#*_>"'“”‘’「『《`]+|[\s*_"'“”‘’」』》`.。!！]+$""")
PREFIX = re.compile(r"^(?:title|subject|标题|主题|题目)\s*[:：]\s*", re.IGNORECASE)
NOT_BY_ITSELF = ("demo", "scripted")
"""Models that name nothing well; `CHAT_AUTO_TITLES` may ask them all the same."""

UNTITLED = {"title_source": "prompt", "source": "web", "deleted": None}
ANSWERED = """
SELECT c.id, c.owner_id, g.model, q.content, a.content
FROM chat_generation g
JOIN chat_conversation c ON c.id = g.conversation_id
JOIN chat_message a ON a.id = g.message_id
JOIN chat_message q ON q.id = a.parent_id
WHERE g.id = %s AND g.status = 'done'
    AND c.title_source = 'prompt' AND c.source = 'web' AND c.deleted IS NULL
"""

ENGLISH = (
    "You name conversations. Reply with a title of at most six words in the language "
    "of the conversation and nothing else: no quotation marks, no explanation.",
    "Question: {question}\n\nAnswer: {answer}\n\nTitle:",
)
CHINESE = (
    "你给对话起标题。只回复一个不超过十二个字的标题，用对话所用的语言，不加引号，不作解释。",
    "问：{question}\n\n答：{answer}\n\n标题：",
)


@dataclass(frozen=True, slots=True)
class Untitled:
    """A conversation that the model is to name."""

    conversation: UUID
    owner: int
    model: str
    question: str
    answer: str

    def messages(self) -> list[ChatMessage]:
        question, answer = quoted(self.question), quoted(self.answer)
        chinese = IDEOGRAPH.search(question + answer)
        system, form = CHINESE if chinese else ENGLISH
        told = form.format(question=question, answer=answer)
        return [
            ChatMessage(role="system", content=system),
            ChatMessage(role="user", content=told),
        ]


def quoted(text: str) -> str:
    return text if len(text) <= QUOTED_CHARS else text[:QUOTED_CHARS] + "…"


def title_from(prompt: str) -> str:
    """The first words, cut at a word where there is one. Of a prompt that is nothing
    but attached files (static/chat/composing/attachments.js), the file's name."""
    file = ATTACHED.search(prompt)
    said = prompt[: file.start()].strip() or file[1] if file else prompt
    line = " ".join(said.split())
    if len(line) <= TITLE_CHARS:
        return line
    cut = line[:TITLE_CHARS]
    head, space, _tail = cut.rpartition(" ")
    return (head if space and len(head) > TITLE_CHARS // 2 else cut) + "…"


def title_in(reply: str) -> str:
    """The title in what a model said: its first line, without what models put around
    it. Empty if there is none."""
    for line in reply.splitlines():
        if title := FRAME.sub("", PREFIX.sub("", FRAME.sub("", line))):
            return title_from(title)
    return ""


def wanted(model: str) -> bool:
    """Whether this model is asked for titles."""
    if settings.CHAT_AUTO_TITLES is None:
        return model not in NOT_BY_ITSELF
    return bool(settings.CHAT_AUTO_TITLES)


def claim(generation: UUID) -> Untitled | None:
    """What to ask after this answer; None if there is nothing to ask, or somebody
    else asks."""
    for pk, owner, model, question, answer in fetch(ANSWERED, [generation]):
        if not wanted(model):
            return None
        conversation = UUID(str(pk))
        with write():
            if CONVERSATIONS.update(
                UNTITLED | {"id": conversation}, title_source="asked"
            ):
                return Untitled(conversation, owner, model, question, answer)
    return None


def put(conversation: UUID, title: str) -> bool:
    """The model's title, unless somebody named it meanwhile."""
    asked = Conversation.objects.filter(pk=conversation, title_source="asked")
    with write():
        return bool(asked.update(title=title, title_source="model", indexed=False))


def rename(conversation: UUID, title: str) -> None:
    """By its owner."""
    rows = Conversation.objects.filter(pk=conversation)
    with write():
        rows.update(title=title.strip(), title_source="user", indexed=False)
