"""Bodies that the native API takes, as the documentation shows them; what it answers
is in `shown`."""

from __future__ import annotations

import re
from math import isfinite
from typing import Annotated, Any, Literal
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from ninja import Schema
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StrictBool,
    StrictInt,
    field_validator,
)

from ..models.tag import MAX_TAGS, TAG_CHARS

SURROGATE = re.compile("[\ud800-\udfff]")


def without_nul(value: Any) -> Any:
    """PostgreSQL takes no NUL in a text."""
    return value.replace("\0", "") if isinstance(value, str) else value


def whole_characters(value: str) -> str:
    """Half of a surrogate pair, which JSON can say, has no place in any database."""
    if not value.isascii() and SURROGATE.search(value):
        raise ValueError(_("The text has half of a character (a lone surrogate)."))
    return value


def storable(value: Any) -> Any:
    """A JSON value as every database takes it."""
    if isinstance(value, str):
        return whole_characters(value.replace("\0", ""))
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(_("A number is too large."))
    if isinstance(value, dict):
        return {storable(name): storable(part) for name, part in value.items()}
    return [storable(part) for part in value] if isinstance(value, list) else value


Text = Annotated[str, BeforeValidator(without_nul), AfterValidator(whole_characters)]
JsonObject = Annotated[dict[str, Any], AfterValidator(storable)]
Number = Annotated[float, Strict()]
"""A JSON number: no text, no true."""
StopString = Annotated[Text, Field(min_length=1, max_length=200)]


class Body(Schema):
    """A typing error in a key is an error, not a silently ignored wish."""

    model_config = ConfigDict(extra="forbid")


class Sampling(Schema):
    """Parameters that every dialect knows."""

    temperature: Annotated[Number | None, Field(ge=0, le=2)] = None
    top_p: Annotated[Number | None, Field(gt=0, le=1)] = None
    top_k: Annotated[StrictInt | None, Field(ge=1, le=100_000)] = None
    min_p: Annotated[Number | None, Field(ge=0, le=1)] = None
    repetition_penalty: Annotated[Number | None, Field(ge=0.1, le=10)] = None
    max_tokens: Annotated[StrictInt | None, Field(ge=1)] = None
    stop: list[StopString] | StopString | None = None
    seed: Annotated[StrictInt | None, Field(ge=0, lt=2**63)] = None

    @field_validator("max_tokens")
    @classmethod
    def is_allowed(cls, value: int | None) -> int | None:
        limit = settings.CHAT_MAX_NEW_TOKENS
        if value is not None and value > limit:
            raise ValueError(_("At most %(limit)d are allowed.") % {"limit": limit})
        return value

    @field_validator("stop")
    @classmethod
    def as_list(cls, value: list[str] | str | None) -> list[str] | None:
        if value is None:
            return None
        strings = [value] if isinstance(value, str) else value
        if not 1 <= len(strings) <= 4:
            raise ValueError(_("One to four stop strings are allowed."))
        return strings

    def sampling(self) -> dict[str, Any]:
        """What an engine is told, as it is stored."""
        return self.model_dump(exclude_none=True, include=set(Sampling.model_fields))


class ParamsIn(Sampling, Body):
    # As a default, one that could be changed would be copied for every request.
    model_config = ConfigDict(frozen=True)

    thinking: StrictBool | None = None
    chunking: Literal["token", "sentence"] | None = None

    def stored(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class AnswerIn(Body):
    """How to answer: for regenerating, and part of every other request."""

    model: Annotated[str | None, Field(max_length=200)] = None
    params: ParamsIn = ParamsIn()

    @field_validator("params", mode="before")
    @classmethod
    def none_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value


class EditIn(AnswerIn):
    prompt: Text


class ChatIn(EditIn):
    conversation: UUID | None = None
    parent: UUID | None = None
    system_prompt: Annotated[Text | None, Field(max_length=32_000)] = None


TagName = Annotated[Text, Field(min_length=1, max_length=TAG_CHARS)]


class ConversationIn(Body):
    """`params` are the conversation's own: each question may say otherwise."""

    title: Annotated[Text, Field(max_length=200)] = ""
    model: Annotated[str | None, Field(max_length=200)] = None
    system_prompt: Annotated[Text, Field(max_length=32_000)] = ""
    params: ParamsIn = ParamsIn()


class ConversationPatch(Body):
    title: Annotated[Text | None, Field(max_length=200)] = None
    model: Annotated[str | None, Field(max_length=200)] = None
    system_prompt: Annotated[Text | None, Field(max_length=32_000)] = None
    params: ParamsIn | None = None
    pinned: StrictBool | None = None
    archived: StrictBool | None = None
    tags: Annotated[list[TagName] | None, Field(max_length=MAX_TAGS)] = None


class FeedbackIn(Body):
    rating: Literal[-1, 0, 1]
    comment: Annotated[Text, Field(max_length=2000)] = ""


Scope = Literal["chat", "read"]


class KeyIn(Body):
    name: Annotated[Text, Field(max_length=100)] = ""
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=2)] = ["chat", "read"]
    expires: AwareDatetime | None = None


class ShareIn(Body):
    """`reasoning`: whether readers see the model's thoughts too."""

    reasoning: StrictBool = False
