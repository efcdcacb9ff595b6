"""The OpenAI dialect, put together."""

from __future__ import annotations

from .. import errors
from ..auth import authenticate
from ..document import DocumentedAPI
from . import completions, images, responses
from .answers import OpenAIError
from .errors import as_openai

api = DocumentedAPI(
    error=OpenAIError,
    title="Chatsite, OpenAI dialect",
    version="1",
    description="For clients of OpenAI's API: give them this address as base URL.",
    auth=authenticate,
    urls_namespace="openai",
    docs_url=None,
    openapi_url="/openapi.json",
)
errors.install(api, as_openai)
for module in (completions, responses, images):
    api.add_router("", module.router)
