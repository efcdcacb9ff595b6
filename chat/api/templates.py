"""`/api/templates`: prompts of one's own, kept under names."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from ninja import Router, Schema, Status
from pydantic import Field

from ..database import write
from ..errors import ChatError, ConflictError, NotFoundError
from ..models import PromptTemplate
from .auth import caller_of
from .schemas import Body, Text
from .shown import ErrorOut

router = Router(tags=["templates"])
MAX_TEMPLATES = 200
Name = Annotated[Text, Field(min_length=1, max_length=80)]
Prompt = Annotated[Text, Field(min_length=1, max_length=32_000)]


class TemplateIn(Body):
    name: Name
    text: Prompt


class TemplatePatch(Body):
    name: Name | None = None
    text: Prompt | None = None


class TemplateOut(Schema):
    id: int
    name: str
    text: str
    created: datetime
    updated: datetime


class TemplatePage(Schema):
    items: list[TemplateOut]
    next: str | None = None


@router.get("/templates", response=TemplatePage)
def list_templates(request: HttpRequest) -> dict[str, Any]:
    """All of the caller's, by name."""
    return {"items": list(PromptTemplate.objects.owned_by(caller_of(request)))}


@router.post("/templates", response={201: TemplateOut, 400: ErrorOut, 409: ErrorOut})
def create_template(request: HttpRequest, body: TemplateIn) -> Any:
    owner = caller_of(request)
    if PromptTemplate.objects.owned_by(owner).count() >= MAX_TEMPLATES:
        text = _("You have %(limit)d templates; delete one first.")
        raise ChatError(text % {"limit": MAX_TEMPLATES}, code="too_many_templates")
    row = PromptTemplate(owner=owner, name=_name(body.name), text=body.text)
    _save(row)
    return Status(201, row)


@router.patch(
    "/templates/{int:template}",
    response={200: TemplateOut, 404: ErrorOut, 409: ErrorOut},
)
def change_template(
    request: HttpRequest, template: int, body: TemplatePatch
) -> PromptTemplate:
    row = _owned(request, template)
    if body.name is not None:
        row.name = _name(body.name)
    if body.text is not None:
        row.text = body.text
    _save(row)
    return row


@router.delete("/templates/{int:template}", response={204: None, 404: ErrorOut})
def delete_template(request: HttpRequest, template: int) -> HttpResponse:
    row = _owned(request, template)
    with write():
        row.delete()
    return HttpResponse(status=204)


def _owned(request: HttpRequest, pk: int) -> PromptTemplate:
    rows = PromptTemplate.objects.owned_by(caller_of(request))
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotFoundError("template")
    return row


def _name(name: str) -> str:
    if not name.strip():
        raise ChatError(
            _("A template needs a name."), code="invalid_value", field="name"
        )
    return " ".join(name.split())


def _save(row: PromptTemplate) -> None:
    try:
        with write():
            row.save()
    except IntegrityError as error:
        raise ConflictError(
            _("You have a template of this name already."),
            code="name_taken",
            field="name",
        ) from error
