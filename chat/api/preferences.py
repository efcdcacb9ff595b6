"""`/api/settings`: how the user wants the pages to be. With a session only."""

from __future__ import annotations

from typing import Annotated, Literal

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Schema
from pydantic import Field, StrictBool, StrictInt, field_validator

from ..models import Preferences
from ..models.preferences import FASTEST, SLOWEST
from ..people import preferences
from .auth import caller_of
from .schemas import Body

router = Router(tags=["account"])
Theme = Literal["system", "light", "dark"]
Typewriter = Literal["smooth", "fixed", "off"]


class PreferencesOut(Schema):
    """An empty `language`: the browser's. `typewriter_speed`: characters a second."""

    language: str
    theme: Theme
    typewriter: Typewriter
    typewriter_speed: int
    remote_images: bool


class PreferencesPatch(Body):
    language: str | None = None
    theme: Theme | None = None
    typewriter: Typewriter | None = None
    typewriter_speed: Annotated[StrictInt | None, Field(ge=SLOWEST, le=FASTEST)] = None
    remote_images: StrictBool | None = None

    @field_validator("language")
    @classmethod
    def is_known(cls, value: str | None) -> str | None:
        names = [name for name, _label in settings.LANGUAGES]
        if value is not None and value not in names:
            raise ValueError(_("One of: %(names)s.") % {"names": ", ".join(names)})
        return value


@router.get("/settings", response=PreferencesOut)
def get_settings(request: HttpRequest) -> Preferences:
    return preferences.of(caller_of(request))


@router.patch("/settings", response=PreferencesOut)
def change_settings(request: HttpRequest, body: PreferencesPatch) -> Preferences:
    """What is named changes; open pages follow when they are loaded again."""
    changes = body.model_dump(exclude_none=True)
    user = caller_of(request)
    return preferences.change(user, **changes) if changes else preferences.of(user)
