"""The one ASGI application: HTTP, WebSocket and lifespan."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
django.setup(set_prefix=False)

# Everything below needs the app registry.
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from chat.consumers import OwnOrigin  # noqa: E402
from chat.urls import websocket_urlpatterns  # noqa: E402

from .handler import OneHopHandler, keep_connections  # noqa: E402
from .lifespan import lifespan  # noqa: E402
from .static import with_static_files  # noqa: E402

keep_connections()
application = ProtocolTypeRouter(
    {
        "http": with_static_files(OneHopHandler()),
        "websocket": OwnOrigin(URLRouter(websocket_urlpatterns)),
        "lifespan": lifespan,
    }
)
