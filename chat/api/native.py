"""The native API, put together."""

from __future__ import annotations

from . import (
    account,
    chat,
    conversations,
    errors,
    images,
    portability,
    preferences,
    sharing,
    templates,
)
from .auth import authenticate
from .dashscope.api import api as dashscope
from .document import DocumentedAPI
from .openai.api import api as openai
from .shown import ErrorOut

api = DocumentedAPI(
    error=ErrorOut,
    also=(openai, dashscope),
    title="Chatsite",
    version="1",
    description="Answers are durable: they can be watched, resumed and stopped by "
    "any client, after any disconnect.",
    auth=authenticate,
    urls_namespace="api",
    docs_url="/docs",
    openapi_url="/openapi.json",
)
errors.install(api)
ROOMS = (
    chat,
    images,
    conversations,
    sharing,
    portability,
    templates,
    account,
    preferences,
)
for module in ROOMS:
    api.add_router("", module.router)
