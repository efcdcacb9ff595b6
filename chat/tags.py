"""A user's tags: on conversations, few and short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from .database import write
from .errors import ChatError
from .models import Conversation, Tag
from .models.conversation import ConversationQuerySet
from .models.tag import TAG_CHARS, TagQuerySet
from .search.fold import composed, fold

MAX_OWN = 200
RARE = 1000


def clean(name: str) -> str:
    return " ".join(composed(name).split())[:TAG_CHARS]


def in_use(user: Any) -> TagQuerySet:
    """Those on a conversation that is not deleted, by name."""
    links = Conversation.tags.through.objects.filter(
        tag=OuterRef("pk"), conversation__deleted=None
    )
    return Tag.objects.owned_by(user).filter(Exists(links))


def put(conversation: Conversation, names: Sequence[str]) -> None:
    """Exactly these tags, new ones made. Raises `ChatError` for too many."""
    wanted = {fold(name): name for name in map(clean, names) if name}
    own = Tag.objects.filter(owner_id=conversation.owner_id)
    with write():
        known = own.filter(key__in=wanted)
        missing = set(wanted) - set(known.values_list("key", flat=True))
        if missing and own.count() + len(missing) > MAX_OWN:
            text = _("You have %(limit)d tags already. Use those, or remove some.")
            raise ChatError(
                text % {"limit": MAX_OWN}, code="too_many_tags", field="tags"
            )
        new = [
            Tag(owner_id=conversation.owner_id, name=wanted[key], key=key)
            for key in missing
        ]
        # Made by another request meanwhile: then it is known by now.
        Tag.objects.bulk_create(new, ignore_conflicts=True)
        conversation.tags.set(known.all())
        links = Conversation.tags.through.objects.filter(tag=OuterRef("pk"))
        own.filter(~Exists(links)).delete()


def tagged(rows: ConversationQuerySet, user: Any, name: str) -> ConversationQuerySet:
    """Those with this tag. Where few have it they are looked up by the tag, where many
    have it they are met on the way through the list."""
    tag = Tag.objects.owned_by(user).filter(key=fold(clean(name))).first()
    if tag is None:
        return rows.none()
    links = Conversation.tags.through.objects.filter(tag=tag)
    some = list(links.values_list("conversation", flat=True)[: RARE + 1])
    if len(some) <= RARE:
        return rows.filter(pk__in=some)
    return rows.filter(Exists(links.filter(conversation=OuterRef("pk"))))
