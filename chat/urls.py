"""URLs of the pages, the API and the probes."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

from . import probes, views
from .api.dashscope.api import api as dashscope
from .api.native import api
from .api.openai.api import api as openai
from .consumers import ChatConsumer


@csrf_exempt
def nothing(request: HttpRequest) -> HttpResponse:
    """Below the APIs: `ApiMiddleware` says so in the dialect's own words."""
    return HttpResponse(status=404)


urlpatterns = [
    path("", views.chat, name="chat"),
    path("c/<uuid:conversation_id>/", views.chat, name="conversation"),
    path("v1/", openai.urls),
    path("api/v1/", dashscope.urls),
    path("api/", api.urls),
    re_path("^(?:api|v1)/", nothing),
    path("healthz", probes.healthz),
    path("readyz", probes.readyz),
]
websocket_urlpatterns = [path("ws/", cast("Any", ChatConsumer.as_asgi()))]
