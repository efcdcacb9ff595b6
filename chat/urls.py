"""URLs of the pages, the API and the probes."""

from __future__ import annotations

from typing import Any

from django.urls import path

from . import probes, views
from .api.native import api

urlpatterns = [
    path("", views.chat, name="chat"),
    path("c/<uuid:conversation_id>/", views.chat, name="conversation"),
    path("api/", api.urls),
    path("healthz", probes.healthz),
    path("readyz", probes.readyz),
]
websocket_urlpatterns: list[Any] = []
