"""A model that has one page in the admin, which is no list of its rows."""

from __future__ import annotations

from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from .base import ReadOnlyAdmin

M = TypeVar("M", bound=Model)


class PageAdmin(ReadOnlyAdmin[M]):
    template = ""

    def context(self, request: HttpRequest) -> dict[str, Any]:
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
        return [path("", self.admin_site.admin_view(self.page), name=name)]

    def page(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            **self.context(request),
        }
        return TemplateResponse(request, self.template, context)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing here deletes; deleting a user takes what is theirs along."""
        return True
