"""What a request for pictures may say, in every dialect."""

from __future__ import annotations

import re
import secrets
from typing import Any

from django.conf import settings
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from ..errors import ChatError, Text
from ..models import Picture

MAX_PICTURES = 4
MIN_SIDE = 64
MULTIPLE = 8
"""What models that work on latents can draw."""
SEEDS = 2**32
SIZE = re.compile(r"([1-9][0-9]{1,4})[x×]([1-9][0-9]{1,4})")
MB = 1024 * 1024
TYPES: dict[str, tuple[type, ...]] = {
    "size": (list,),
    "steps": (int,),
    "guidance": (int, float),
    "negative_prompt": (str,),
    "n": (int,),
}
Json = dict[str, Any]


def params_of(
    *,
    size: str | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    seed: int | None = None,
    negative_prompt: str | None = None,
    n: int = 1,
) -> Json:
    """The parameters as they are stored. A seed is chosen now if there is none: another
    attempt draws the same picture. Raises `ChatError`, which names the field."""
    if steps is not None and not 1 <= steps <= settings.CHAT_IMAGE_MAX_STEPS:
        text = _("Between 1 and %(limit)d steps are taken.")
        raise wrong("steps", text % {"limit": settings.CHAT_IMAGE_MAX_STEPS})
    if not 1 <= n <= MAX_PICTURES:
        text = _("Between 1 and %(limit)d pictures are drawn at a time.")
        raise wrong("n", text % {"limit": MAX_PICTURES})
    told = {
        "size": list(size_of(size)) if size else None,
        "steps": steps,
        "guidance": guidance,
        "negative_prompt": negative_prompt or None,
    }
    params = {name: value for name, value in told.items() if value is not None}
    return params | {"n": n, "seed": new_seed() if seed is None else seed}


def again(params: Json) -> Json:
    """The same once more, from another seed. Looked at as if it were new: limits may
    have changed since, and an import may say anything."""
    known: Json = {
        name: params[name]
        for name, kinds in TYPES.items()
        if type(params.get(name)) in kinds
    }
    if len(sides := known.pop("size", [])) == 2:
        known["size"] = f"{sides[0]}x{sides[1]}"
    return params_of(**known)


def new_seed() -> int:
    return secrets.randbelow(SEEDS)


def size_of(size: str) -> tuple[int, int]:
    """Width and height in pixels."""
    found = SIZE.fullmatch(size)
    if found is None:
        raise wrong("size", _("Say width and height in pixels, like 512x512."))
    width, height = int(found[1]), int(found[2])
    if min(width, height) < MIN_SIDE or width % MULTIPLE or height % MULTIPLE:
        text = _("Width and height are multiples of %(step)d, and at least %(least)d.")
        raise wrong("size", text % {"step": MULTIPLE, "least": MIN_SIDE})
    if width * height > (limit := settings.CHAT_IMAGE_MAX_PIXELS):
        text = _("%(size)s has more pixels than the %(limit)d that are allowed.")
        raise wrong("size", text % {"size": size, "limit": limit})
    return width, height


def wrong(field: str, message: Text) -> ChatError:
    return ChatError(message, code="invalid_value", field=field)


def check_room(user: Any) -> None:
    """Whether there is room for one more file of this user. What is being drawn is not
    counted yet: they may go beyond by that."""
    limit = settings.CHAT_IMAGE_STORAGE_MB
    used = Picture.objects.filter(owner=user).aggregate(sum=Sum("bytes"))["sum"] or 0
    if used >= limit * MB:
        text = _(
            "Your pictures take up the %(limit)d MB that you have. Nothing was stored; "
            "delete conversations with pictures, and ask again a minute later."
        )
        raise ChatError(text % {"limit": limit}, code="storage_full", status=413)
