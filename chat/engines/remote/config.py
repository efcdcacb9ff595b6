"""Which engines there are behind HTTP, and the models they serve.

From `CHAT_BASE_URL` (one engine that lists its models), and from
`CHAT_MODELS_FILE`, a TOML file:

    [[engines]]
    name = "gpu"
    base_urls = ["http://10.0.0.5:8000/v1", "http://10.0.0.6:8000/v1"]
    api_key_env = "GPU_API_KEY"   # the variable that holds the key
    protocol = "openai"           # or "dashscope"
    continue = "flags"            # how it goes on behind a partial answer
    list = false                  # offer also what it lists by itself
    can = ["tools", "json"]       # what clients may ask of its models, see below

    [[models]]
    id = "qwen"                   # what users choose and see in the API
    engine = "gpu"
    name = "Qwen/Qwen3-8B"        # what the engine calls it, if not the same
    label = "Qwen 3, 8B"
    context_tokens = 32768
    defaults = { temperature = 0.7 }   # where a request does not say
    extra = { priority = 1 }           # more keys for the engine's request
    can = ["json"]                     # where it is not as its engine says

    [[models]]
    id = "small"
    engine = "local"                   # a model of this process
    name = "Qwen/Qwen3-0.6B"           # a folder, a hub id or "demo", if not the id
    revision = "main"                  # of the hub
    cache_mb = 512                     # for its keys and values
    draft_model = "owner/name"         # guesses ahead for it
    prompt_lookup_tokens = 16          # guessed ahead from the text itself, 0: none

    [[models]]
    id = "fox"
    kind = "image"                     # it draws; at an engine, or in this process
    engine = "local"
    name = "stabilityai/sd-turbo"
    defaults = { steps = 2, guidance = 0.0, size = [512, 512] }

`continue`: `flags` (`continue_final_message`: vLLM, SGLang; the fallback for engines
that do not know it is the next one), `trailing` (a trailing assistant message is
enough: llama.cpp), `partial` (`"partial": true` in that message: DashScope), `none`
(a broken answer stays broken).

`can`: `penalties` (the default), `json` (`response_format`), `tools`, `logit_bias`.
What a model cannot is refused before anything is asked. The engine at `CHAT_BASE_URL`
may be asked for all of it, and says itself what it cannot.
"""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from ..image_models import ImageModel
from ..local_models import LocalModel

Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
Continue = Literal["flags", "trailing", "partial", "none"]
Capability = Literal["json", "penalties", "tools", "logit_bias"]
PENALTIES: tuple[Capability, ...] = ("penalties",)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RemoteModel(Strict):
    id: str = Field(min_length=1, max_length=200)
    kind: Literal["text", "image"] = "text"
    engine: str = ""
    name: str = ""
    label: str = ""
    context_tokens: int | None = Field(default=None, ge=1)
    defaults: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    can: tuple[Capability, ...] | None = None

    @property
    def at_engine(self) -> str:
        return self.name or self.id


class Upstream(Strict):
    """One engine, at one or several addresses that serve the same."""

    name: str
    base_urls: tuple[Url, ...] = Field(min_length=1)
    api_key_env: str = ""
    protocol: Literal["openai", "dashscope"] = "openai"
    continues: Continue = Field(default="flags", alias="continue")
    lists: bool = Field(default=False, alias="list")
    can: tuple[Capability, ...] = PENALTIES
    api_key: SecretStr = SecretStr("")
    models: tuple[RemoteModel, ...] = ()

    def headers(self) -> dict[str, str]:
        key = self.api_key.get_secret_value() or os.environ.get(self.api_key_env, "")
        return {"Authorization": f"Bearer {key}"} if key else {}

    def model(self, name: str) -> RemoteModel | None:
        """The model of this name; one the engine lists needs no entry here."""
        known = next((model for model in self.models if model.id == name), None)
        return known or (RemoteModel(id=name) if self.lists else None)


class ModelsFile(Strict):
    engines: tuple[Upstream, ...] = ()
    models: tuple[RemoteModel, ...] = ()
    local: tuple[LocalModel, ...] = ()
    drawers: tuple[ImageModel, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def apart(cls, found: dict[str, Any]) -> dict[str, Any]:
        """The models of this process are told from the others by their engine."""
        models = found.get("models")
        if not isinstance(models, list) or found.keys() & {"local", "drawers"}:
            return found
        here = [model for model in models if in_process(model)]
        return {
            **found,
            "models": [model for model in models if not in_process(model)],
            "local": [model for model in here if model.get("kind") != "image"],
            "drawers": [model for model in here if model.get("kind") == "image"],
        }


def in_process(model: Any) -> bool:
    return isinstance(model, dict) and model.get("engine") == "local"


class ConfigError(ValueError):
    """The file of models does not fit; the message says where."""


def from_url(urls: str, api_key: str | None, model: str | None) -> Upstream:
    """The engine at `CHAT_BASE_URL` (several of the same kind: comma separated)."""
    listed = tuple(url.strip().rstrip("/") for url in urls.split(",") if url.strip())
    try:
        return Upstream.model_validate(
            {
                "name": "CHAT_BASE_URL",
                "base_urls": listed,
                "api_key": api_key or "",
                "list": True,
                "can": get_args(Capability),
                "models": ({"id": model},) if model else (),
            }
        )
    except ValidationError as error:
        raise ConfigError(f"CHAT_BASE_URL: {_first(error)}") from error


@cache
def from_file(path: Path) -> tuple[Upstream, ...]:
    """The engines behind HTTP. Raises ConfigError."""
    found = read_file(path)
    return tuple(_with_models(engine, found) for engine in found.engines)


@cache
def read_file(path: Path) -> ModelsFile:
    """Read once: a changed file counts after a restart. Raises ConfigError."""
    try:
        found = ModelsFile.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"CHAT_MODELS_FILE: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"CHAT_MODELS_FILE: {_first(error)}") from error
    _refuse_double_meaning(found)
    return found


def _refuse_double_meaning(found: ModelsFile) -> None:
    """Every name is meant for exactly one thing."""
    names = [engine.name for engine in found.engines]
    if "local" in names:
        raise ConfigError(
            "CHAT_MODELS_FILE: no engine can be called local, which is this process"
        )
    ids = [model.id for model in found.models]
    ids += [model.id for model in found.local]
    ids += [model.id for model in found.drawers]
    for kind, given in (("engine", names), ("model", ids)):
        if twice := {name for name in given if given.count(name) > 1}:
            raise ConfigError(f"CHAT_MODELS_FILE: {kind} {twice.pop()} is there twice")
    for model in found.models:
        if model.engine not in names:
            raise ConfigError(
                f"CHAT_MODELS_FILE: model {model.id} names the engine "
                f"{model.engine!r}, which is not there"
            )
    speakers = {engine.name for engine in found.engines if engine.protocol == "openai"}
    for model in found.models:
        if model.kind == "image" and model.engine not in speakers:
            raise ConfigError(
                f"CHAT_MODELS_FILE: model {model.id} draws, which only engines with"
                ' protocol = "openai" can'
            )


def _with_models(engine: Upstream, found: ModelsFile) -> Upstream:
    mine = tuple(model for model in found.models if model.engine == engine.name)
    urls = tuple(url.rstrip("/") for url in engine.base_urls)
    return engine.model_copy(update={"models": mine, "base_urls": urls})


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
