from __future__ import annotations

import pytest
from pydantic import ValidationError

from chat.limits.rates import parse
from chatsite.env import Env


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Env.model_fields:
        monkeypatch.delenv(name, raising=False)


def test_it_has_a_safe_default_for_everything() -> None:
    env = Env()

    assert not env.DEBUG
    assert env.ALLOWED_HOSTS == ["localhost", "127.0.0.1", "[::1]"]
    assert env.DATABASE_URL.get_secret_value().startswith("sqlite:///")
    assert (env.CHAT_MODEL, env.CHAT_ROLE, env.REDIS_URL) == ("demo", "all", None)
    assert env.CHAT_MAX_PROMPT_CHARS == 32_000


def test_lists_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", " a.example , b.example,")

    assert Env().ALLOWED_HOSTS == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAT_MAX_PROMPT_CHARS", "many"),
        ("CHAT_MAX_PROMPT_CHARS", "0"),
        ("CHAT_LEASE_SECONDS", "0"),
        ("CHAT_HEARTBEAT_SECONDS", "-1"),
        ("CHAT_MAX_GENERATION_SECONDS", "0"),
        ("CHAT_ROLE", "king"),
        ("CHAT_USER_CONCURRENCY", "0"),
        ("CHAT_USER_QUEUE", "few"),
        ("CHAT_RATE_LIMIT", "60/w"),
        ("CHAT_RATE_LIMIT", "often"),
        ("CHAT_DAILY_TOKENS", "-1"),
        ("DEBUG", "perhaps"),
        ("CHAT_SIGNUP", "perhaps"),
        ("OIDC_ISSUER", "id.example.org"),
        ("OIDC_GROUPS", "staff"),
        ("EMAIL_URL", "mail.example.org"),
        ("EMAIL_URL", "smtp://"),
    ],
)
def test_a_value_that_does_not_fit_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError, match=name):
        Env()


@pytest.mark.parametrize(("rate", "tokens"), [("", ""), ("off", "off"), ("0", "0")])
def test_limits_may_be_off(
    monkeypatch: pytest.MonkeyPatch, rate: str, tokens: str
) -> None:
    monkeypatch.setenv("CHAT_RATE_LIMIT", rate)
    monkeypatch.setenv("CHAT_DAILY_TOKENS", tokens)

    assert (parse(Env().CHAT_RATE_LIMIT), Env().CHAT_DAILY_TOKENS) == (None, 0)


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL"])
def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "redis://:hush-hush@host/")

    assert "hush-hush" not in repr(Env())


@pytest.mark.parametrize("name", ["REDIS_URL", "CHAT_BASE_URL", "CHAT_API_KEY"])
def test_empty_is_unset(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")

    assert getattr(Env(), name) is None


def test_the_key_comes_from_the_environment_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    path = tmp_path / "key"
    path.write_text("from-the-file\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(path))
    assert Env().secret_key() == "from-the-file"

    monkeypatch.setenv("SECRET_KEY", "from-the-environment")
    assert Env().secret_key() == "from-the-environment"


def test_without_a_key_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "missing"))

    assert Env().secret_key() == ""
