"""Every environment variable Chatsite reads, typed, with its default.

`docs/configuration.md` explains them; a value that does not fit stops the start
with the variable's name. Secrets are `SecretStr`: they never show in a repr or log.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chat.limits.rates import parse

from .mail import mail_server
from .pictures import storage

ROOT = Path(__file__).resolve().parent.parent
PICTURES = (ROOT / "var" / "pictures").as_uri()
Names = Annotated[list[str], NoDecode]


class Env(BaseSettings):
    model_config = SettingsConfigDict(case_sensitive=True, frozen=True, extra="ignore")

    SECRET_KEY: SecretStr | None = None
    SECRET_KEY_FILE: Path = ROOT / "var" / "secret_key"
    DEBUG: bool = False
    ALLOWED_HOSTS: Names = Field(default=["localhost", "127.0.0.1", "[::1]"])
    CSRF_TRUSTED_ORIGINS: Names = Field(default=[])
    CHAT_CORS_ORIGINS: Names = Field(default=[])
    SECURE_COOKIES: bool = False
    DATABASE_URL: SecretStr = SecretStr(
        f"sqlite:///{ROOT / 'var' / 'chatsite.sqlite3'}"
    )
    REDIS_URL: SecretStr | None = None
    STATIC_ROOT: Path = ROOT / "var" / "static"
    LOG_LEVEL: str = "INFO"
    LOG_FORMAT: Literal["line", "json"] = "line"
    TIME_ZONE: str = "UTC"

    CHAT_MODEL: str = "demo"
    CHAT_MODEL_REVISION: str | None = None
    CHAT_IMAGE_MODEL: str = ""
    CHAT_BASE_URL: str | None = None
    CHAT_API_KEY: SecretStr | None = None
    CHAT_MODELS_FILE: Path | None = None
    CHAT_GUARD_URL: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    CHAT_GUARD_KEY: SecretStr | None = None
    CHAT_MODELS_SECONDS: float = Field(default=30, ge=0.05, le=3600)
    CHAT_CONNECT_SECONDS: float = Field(default=5, gt=0, le=60)
    CHAT_FIRST_TOKEN_SECONDS: float = Field(default=120, gt=0, le=3600)
    CHAT_NEXT_TOKEN_SECONDS: float = Field(default=60, gt=0, le=3600)
    CHAT_ROLE: Literal["all", "web", "runner"] = "all"
    CHAT_SYSTEM_PROMPT: str = ""
    CHAT_LEASE_SECONDS: float = Field(default=15, ge=1, le=3600)
    CHAT_HEARTBEAT_SECONDS: float = Field(default=15, ge=0.05, le=300)
    CHAT_CHECKPOINT_SECONDS: float = Field(default=1, ge=0.05, le=60)
    CHAT_GRACE_SECONDS: float = Field(default=5, ge=0, le=600)
    CHAT_MAX_PROMPT_CHARS: int = Field(default=32_000, ge=1)
    CHAT_MAX_NEW_TOKENS: int = Field(default=4096, ge=1)
    CHAT_MAX_GENERATION_SECONDS: float = Field(default=600, gt=0)
    CHAT_USER_CONCURRENCY: int = Field(default=4, ge=1)
    CHAT_USER_QUEUE: int = Field(default=20, ge=1)
    CHAT_MAX_RUNNING: int = Field(default=1024, ge=1)
    CHAT_MAX_QUEUED: int = Field(default=10_000, ge=1)
    CHAT_MAX_REQUESTS: int = Field(default=256, ge=1)
    CHAT_RATE_LIMIT: str = ""
    CHAT_DAILY_TOKENS: int = Field(default=0, ge=0)
    CHAT_MONTHLY_TOKENS: int = Field(default=0, ge=0)
    CHAT_CACHE_MB: int | None = Field(default=None, ge=16)
    CHAT_QUANTIZATION: Literal["none", "int8", "int4"] = "none"
    CHAT_LOCAL_MEMORY_MB: int | None = Field(default=None, ge=64)
    CHAT_PROMPT_LOOKUP_TOKENS: int = Field(default=16, ge=0, le=64)
    CHAT_DRAFT_MODEL: str | None = None
    CHAT_IMAGE_STORAGE_MB: int = Field(default=1024, ge=0)
    CHAT_IMAGE_TOKENS: int = Field(default=1000, ge=0, le=10_000_000)
    CHAT_IMAGE_MAX_PIXELS: int = Field(default=1024 * 1024, ge=64 * 64, le=4096 * 4096)
    CHAT_IMAGE_MAX_STEPS: int = Field(default=50, ge=1, le=1000)
    PICTURES_URL: str = PICTURES
    CHAT_STEP_SECONDS: float = Field(default=120, ge=1, le=3600)
    CHAT_MAX_IMPORT_MB: int = Field(default=100, ge=1, le=2048)
    CHAT_SHARING: bool = True
    CHAT_REVIEW: Literal["off", "flagged", "all"] = "all"
    CHAT_RETENTION_DAYS: int = Field(default=0, ge=0, le=36_500)
    CHAT_AUDIT_DAYS: int = Field(default=730, ge=0, le=36_500)
    CHAT_AUTO_TITLES: bool | None = None
    CHAT_METRICS_TOKEN: SecretStr | None = None
    CHAT_SIGNUP: bool = False
    OIDC_ISSUER: str = Field(default="", pattern="^(https?://.+)?$", max_length=200)
    OIDC_CLIENT_ID: str = ""
    OIDC_CLIENT_SECRET: SecretStr = SecretStr("")
    OIDC_NAME: str = "OpenID"
    OIDC_SCOPES: Names = Field(default=["openid", "profile", "email"])
    OIDC_SIGNUP: bool = True
    OIDC_ALLOWED_DOMAINS: Names = Field(default=[])
    OIDC_TRUST_EMAIL: bool = False
    OIDC_LINK_BY_EMAIL: bool = False
    OIDC_GROUPS_CLAIM: str = "groups"
    OIDC_GROUPS: Annotated[dict[str, str], NoDecode] = Field(default={})
    EMAIL_URL: SecretStr | None = None
    DEFAULT_FROM_EMAIL: str = "Chatsite <chatsite@localhost>"
    WEB_CONCURRENCY: int = Field(default=1, ge=1)

    @field_validator(
        "ALLOWED_HOSTS",
        "CSRF_TRUSTED_ORIGINS",
        "CHAT_CORS_ORIGINS",
        "OIDC_SCOPES",
        "OIDC_ALLOWED_DOMAINS",
        mode="before",
    )
    @classmethod
    def split(cls, value: object) -> object:
        """Comma separated, as Django deployments write them."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator(
        "REDIS_URL",
        "CHAT_MODEL_REVISION",
        "CHAT_BASE_URL",
        "CHAT_API_KEY",
        "CHAT_MODELS_FILE",
        "CHAT_GUARD_URL",
        "CHAT_GUARD_KEY",
        "CHAT_AUTO_TITLES",
        "CHAT_CACHE_MB",
        "CHAT_DRAFT_MODEL",
        "CHAT_LOCAL_MEMORY_MB",
        "CHAT_METRICS_TOKEN",
        "EMAIL_URL",
        mode="before",
    )
    @classmethod
    def empty_is_none(cls, value: object) -> object:
        return value or None

    @field_validator("CHAT_DAILY_TOKENS", "CHAT_MONTHLY_TOKENS", mode="before")
    @classmethod
    def off_is_zero(cls, value: object) -> object:
        return 0 if value in ("", "off") else value

    @field_validator("CHAT_RATE_LIMIT")
    @classmethod
    def is_rate(cls, value: str) -> str:
        parse(value)
        return value

    @field_validator("OIDC_GROUPS", mode="before")
    @classmethod
    def parsed(cls, value: object) -> object:
        """An object; a broken one is a ValueError."""
        return json.loads(value or "{}") if isinstance(value, str) else value

    @field_validator("EMAIL_URL")
    @classmethod
    def is_mail(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            mail_server(value.get_secret_value())
        return value

    @field_validator("PICTURES_URL", mode="before")
    @classmethod
    def is_storage(cls, value: object) -> object:
        """A folder, if it is empty."""
        url = str(value or PICTURES)
        storage(url)
        return url

    def secret_key(self) -> str:
        """The key from the environment, else from the private file, else none."""
        if self.SECRET_KEY:
            return self.SECRET_KEY.get_secret_value()
        if self.SECRET_KEY_FILE.is_file():
            return self.SECRET_KEY_FILE.read_text().strip()
        return ""


env = Env()
