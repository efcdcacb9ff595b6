"""URLs of the pages, the API and the probes."""

from __future__ import annotations

from typing import Any, cast

from django.urls import path, re_path

from . import views
from .api.dashscope.api import api as dashscope
from .api.errors import nothing_here
from .api.native import api
from .api.openai.api import api as openai
from .consumers import ChatConsumer
from .observe import metrics_page, probes
from .pages import image as image_page
from .pages import invite as invite_page
from .pages import manifest
from .pages import settings as settings_page
from .pages import share as share_page

urlpatterns = [
    # Looked through from above: what is asked most comes first.
    path("v1/", openai.urls),
    path("api/v1/", dashscope.urls),
    path("api/", api.urls),
    path("", views.chat, name="chat"),
    path("c/<uuid:conversation_id>/", views.chat, name="conversation"),
    path("settings/", settings_page.page, name="settings"),
    path("settings/keys/", settings_page.create_key, name="create-key"),
    path(
        "settings/keys/<int:key>/revoke/", settings_page.revoke_key, name="revoke-key"
    ),
    path(
        "settings/delete-account/", settings_page.delete_account, name="delete-account"
    ),
    path("goodbye/", settings_page.goodbye, name="goodbye"),
    path("i18n/setlang/", settings_page.set_language, name="set_language"),
    path("image/", image_page.image, name="image"),
    path("invite/<str:token>/", invite_page.invite, name="invite"),
    path("manifest.webmanifest", manifest.manifest, name="manifest"),
    path("share/<str:token>/", share_page.share, name="share"),
    path("share/<str:token>/<uuid:picture>/", share_page.picture, name="share-picture"),
    path(
        "share/<str:token>/<uuid:picture>/thumbnail/",
        share_page.picture,
        {"thumbnail": True},
        name="share-thumbnail",
    ),
    re_path("^(?:api|v1)/", nothing_here),
    path("healthz", probes.healthz),
    path("readyz", probes.readyz),
    path("metrics", metrics_page.metrics),
]
websocket_urlpatterns = [path("ws/", cast("Any", ChatConsumer.as_asgi()))]
