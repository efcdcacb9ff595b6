"""System checks: what would hurt in production, said before it does.

They are deployment checks: the server refuses to start on an error (see
`chatsite.lifespan`), `manage.py check --deploy` shows them, and no other command is
held up by them.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register, run_checks
from django.core.exceptions import ImproperlyConfigured

from .engines import image_models
from .engines.local_models import DEMO_PATH, own_model
from .engines.registry import drawing, in_process, upstreams
from .engines.remote.config import ConfigError
from .limits.rates import parse

logger = logging.getLogger(__name__)

LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]", "testserver"}


@register("chat", deploy=True)
def safe_in_production(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.DEBUG:
        return []
    found: list[CheckMessage] = []
    key = secret_key()
    if len(key) < 32 or key.startswith("insecure"):
        found.append(
            Error(
                "SECRET_KEY is missing or too short to be secret.",
                hint="Set SECRET_KEY to 50 random characters; `make run` makes one.",
                id="chat.E001",
            )
        )
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Error(
                "ALLOWED_HOSTS allows every host name.",
                hint="Name the hosts this site is served under, comma separated.",
                id="chat.E002",
            )
        )
    if set(settings.ALLOWED_HOSTS) - LOCAL_HOSTS and not settings.SECURE_COOKIES:
        found.append(
            Warning(
                "Cookies are sent over plain HTTP too.",
                hint="Serve over HTTPS and set SECURE_COOKIES=1.",
                id="chat.W003",
            )
        )
    return found


def secret_key() -> str:
    """Django refuses to say an empty one."""
    try:
        return settings.SECRET_KEY
    except ImproperlyConfigured:
        return ""


@register("chat", deploy=True)
def one_process_without_redis(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.REDIS_URL or server_processes(sys.argv) == 1:
        return []
    return [
        Error(
            "Several processes need a tape they share, and REDIS_URL is not set.",
            hint="Set REDIS_URL, or serve with one worker.",
            id="chat.E004",
        )
    ]


def server_processes(argv: Sequence[str]) -> int:
    """How many workers the server was asked for; children inherit its arguments."""
    for place, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if name == "--workers":
            value = value if equals else "".join(argv[place + 1 : place + 2])
            return int(value) if value.isdigit() else 1
    return int(settings.WEB_CONCURRENCY)


@register("chat", deploy=True)
def model_can_be_loaded(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Only what can be seen without loading it."""
    if settings.CHAT_ROLE == "web":
        return []
    found: list[CheckMessage] = []
    for setting, name in local_sources():
        looks_local = name == str(DEMO_PATH) or name.startswith((".", "/", "~"))
        if looks_local and not (Path(name).expanduser() / "config.json").is_file():
            found.append(no_model(setting, name))
    return found


def local_sources() -> list[tuple[str, str]]:
    """Which setting names which folder or hub id."""
    name = settings.CHAT_MODEL
    elsewhere = settings.CHAT_BASE_URL or settings.CHAT_MODELS_FILE
    found = []
    if name != "scripted" and not (name == "demo" and elsewhere):
        found.append((f"CHAT_MODEL={name}", own_model(name).source))
        if draft := settings.CHAT_DRAFT_MODEL:
            found.append((f"CHAT_DRAFT_MODEL={draft}", draft))
    with contextlib.suppress(ConfigError):  # the next check says it
        for model in in_process():
            sources = filter(None, (model.source, model.draft_model))
            found += [(f"CHAT_MODELS_FILE: {model.id}", source) for source in sources]
    return found


def no_model(setting: str, name: str) -> CheckMessage:
    return Error(
        f"{setting}: there is no model (no config.json) in {name}.",
        hint="Give a folder with a transformers model, a hub id such as "
        "Qwen/Qwen3-0.6B, or leave it out for the demo model.",
        id="chat.E005",
    )


@register("chat", deploy=True)
def pictures_can_be_drawn(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Without diffusers there are no pictures, and everything else works."""
    names: list[str] = []
    if settings.CHAT_ROLE != "web":
        with contextlib.suppress(ConfigError):  # the next check says it
            names = [model.source for model in drawing()]
    if names and not image_models.can_draw():
        text = f"{', '.join(names)} draws no pictures: diffusers is not installed."
        return [Warning(text, hint=image_models.HINT, id="chat.W012")]
    return [
        no_pipeline(name)
        for name in names
        if name.startswith((".", "/", "~"))
        and not (Path(name).expanduser() / "model_index.json").is_file()
    ]


def no_pipeline(name: str) -> CheckMessage:
    return Error(
        f"There is no model that draws (no model_index.json) in {name}.",
        hint="Give a folder with a diffusers pipeline, a hub id such as "
        "stabilityai/sd-turbo, or demo, as CHAT_IMAGE_MODEL or in CHAT_MODELS_FILE.",
        id="chat.E013",
    )


@register("chat", deploy=True)
def engines_are_named_rightly(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The addresses and the file of the engines behind HTTP."""
    try:
        upstreams()
    except ConfigError as error:
        return [
            Error(
                str(error),
                hint="docs/dialects.md tells how engines are named.",
                id="chat.E006",
            )
        ]
    return []


@register("chat", deploy=True)
def limits_can_be_read(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """As they are, wherever they were set."""
    try:
        parse(settings.CHAT_RATE_LIMIT)
    except ValueError as error:
        hint = "Set CHAT_RATE_LIMIT to a number and a unit, such as 60/m, or off."
        return [Error(f"CHAT_RATE_LIMIT: {error}", hint=hint, id="chat.E007")]
    if settings.CHAT_USER_QUEUE > settings.CHAT_MAX_QUEUED:
        return [
            Warning(
                "One user may fill the whole queue.",
                hint="Set CHAT_USER_QUEUE below CHAT_MAX_QUEUED.",
                id="chat.W008",
            )
        ]
    return []


@register("chat", deploy=True)
def provider_can_be_asked(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Single sign-on knows this site by an id, and asks where nobody listens in."""
    issuer = urlsplit(settings.OIDC_ISSUER)
    if issuer.netloc and not settings.OIDC_CLIENT_ID:
        return [
            Error(
                "OIDC_ISSUER is set, and OIDC_CLIENT_ID is not.",
                hint="docs/sign-in.md tells what to set.",
                id="chat.E010",
            )
        ]
    if issuer.scheme == "http" and issuer.hostname not in ("localhost", "127.0.0.1"):
        return [
            Warning(
                "Single sign-on asks its provider without encryption.",
                hint="Set OIDC_ISSUER to an https address.",
                id="chat.W011",
            )
        ]
    return []


@register("chat", deploy=True)
def review_is_named(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Anything else would be taken for `all`."""
    if settings.CHAT_REVIEW in ("off", "flagged", "all"):
        return []
    return [
        Error(
            f"CHAT_REVIEW={settings.CHAT_REVIEW} means nothing.",
            hint="Set CHAT_REVIEW to off, flagged or all.",
            id="chat.E009",
        )
    ]


@register("chat", deploy=True)
def pictures_can_be_kept(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Found out now, and not when the first one has been drawn."""
    package = settings.STORAGES["pictures"]["BACKEND"].partition(".")[0]
    if find_spec(package) is not None:
        return []
    return [
        Error(
            "PICTURES_URL names a bucket, and django-storages is not installed.",
            hint="pip install -r requirements-s3.txt",
            id="chat.E014",
        )
    ]


def refuse_serious_problems() -> None:
    """The system checks, which nothing else runs under an ASGI server."""
    found = run_checks(tags=["chat"], include_deployment_checks=True)
    for message in found:
        log = logger.error if message.is_serious() else logger.warning
        log("%s", message)
    if serious := [message for message in found if message.is_serious()]:
        raise RuntimeError("; ".join(f"{m.id}: {m.msg}" for m in serious))
