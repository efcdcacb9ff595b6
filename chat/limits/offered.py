"""Which models one user may use: those that are offered, less what quotas leave out.

A user's own quota may list models; else those of their groups that list some count
together; and who is in none of these may use all. `quotas.may_use` decides. Asked
where an answer is stored (`chat.asking`), where models are listed or chosen, and again
where an answer begins (`chat.running.job`).
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from ..engines import registry
from ..engines.base import Kind, ModelInfo
from ..errors import ChatError
from .quotas import quotas


def models_for(user: Any) -> list[ModelInfo]:
    """Those this user may use, the default first."""
    return [info for info in registry.models() if quotas.may_use(user.pk, info.id)]


def default_for(user: Any) -> str:
    """None may be known yet, or be open to this user: then it is refused when asked."""
    return next((info.id for info in _writing(user)), settings.CHAT_MODEL)


def usual_for(user: Any, had: str) -> str:
    """The one it had; the default if that is offered no more, or not to this user."""
    known = [info.id for info in _writing(user)]
    return had if had in known else next(iter(known), settings.CHAT_MODEL)


def _writing(user: Any) -> list[ModelInfo]:
    return [info for info in models_for(user) if info.kind == "text"]


def choose(user: Any, named: str, had: str, kind: Kind = "text") -> str:
    """The one that answers: as named, else the usual one. Raises `ChatError`."""
    if named:
        return of_kind(model_for(user, named), kind).id
    known = [info.id for info in models_for(user) if info.kind == kind]
    if had in known:
        return had
    if known:
        return known[0]
    if kind == "image":
        raise no_painter(user)
    return of_kind(model_for(user, settings.CHAT_MODEL), kind).id


def of_kind(info: ModelInfo, kind: Kind) -> ModelInfo:
    """Raises `ChatError` where it makes something else."""
    if info.kind == kind:
        return info
    text = _("This model draws pictures. Ask it at /api/images, or choose another one.")
    if info.kind == "text":
        text = _("This model writes text. Ask it at /api/chat, or choose another one.")
    raise ChatError(text, code="model_kind", field="model")


def no_painter(user: Any) -> ChatError:
    if any(info.kind == "image" for info in registry.models()):
        text = _("You may use none of the models that draw here.")
        return ChatError(text, code="model_not_allowed", field="model", status=403)
    text = _("No model that draws is offered here.")
    return ChatError(text, code="model_not_found", field="model")


def model_for(user: Any, name: str) -> ModelInfo:
    """Raises `ChatError` if none of this name is offered, or not to this user."""
    info = registry.find_model(name)
    if info is None:
        raise ChatError(
            _("There is no model of this name. GET /api/models lists them."),
            code="model_not_found",
            field="model",
        )
    if not quotas.may_use(user.pk, info.id):
        raise closed(user, name)
    return info


def closed(user: Any, name: str) -> ChatError:
    text = _(
        "You may not use the model %(name)s. Choose another one, or ask those who run "
        "this site for it."
    )
    if not models_for(user):
        text = _(
            "You may use none of the models that are offered now. Ask those who run "
            "this site for one."
        )
    said = text % {"name": name[:100]}
    return ChatError(said, code="model_not_allowed", field="model", status=403)
