"""URLs of the pages, the API and the probes."""

from __future__ import annotations

from typing import Any, cast

from django.urls import path, re_path

from . import probes, views
from .api.errors import nothing_here
from .api.native import api
from .consumers import ChatConsumer

urlpatterns = [
    path("", views.chat, name="chat"),
    path("c/<uuid:conversation_id>/", views.chat, name="conversation"),
    path("api/", api.urls),
    re_path("^api/", nothing_here),
    path("healthz", probes.healthz),
    path("readyz", probes.readyz),
]
websocket_urlpatterns = [path("ws/", cast("Any", ChatConsumer.as_asgi()))]
