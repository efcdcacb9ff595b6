"""System checks: what the server refuses to start with."""

from __future__ import annotations

import sys

import pytest
from django.core import checks

from chat.checks import refuse_serious_problems, server_processes


@pytest.fixture(autouse=True)
def sound(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DEBUG = False
    settings.SECRET_KEY = "x" * 50
    settings.ALLOWED_HOSTS = ["localhost"]
    settings.WEB_CONCURRENCY = 1
    settings.CHAT_USER_QUEUE = 20
    monkeypatch.setattr(sys, "argv", ["uvicorn", "chatsite.asgi:application"])


def found() -> list[str]:
    return [
        message.id
        for message in checks.run_checks(tags=["chat"], include_deployment_checks=True)
    ]


def test_a_sound_configuration_starts() -> None:
    assert found() == []
    refuse_serious_problems()


@pytest.mark.parametrize("key", ["", "short", "insecure-" + "x" * 50])
def test_it_refuses_an_insecure_key(settings, key: str) -> None:
    settings.SECRET_KEY = key

    assert found() == ["chat.E001"]
    with pytest.raises(RuntimeError, match=r"chat\.E001"):
        refuse_serious_problems()


def test_debug_may_be_insecure(settings) -> None:
    settings.DEBUG = True
    settings.SECRET_KEY = "insecure"
    settings.ALLOWED_HOSTS = ["*"]

    assert found() == []


def test_it_refuses_every_host(settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]

    assert "chat.E002" in found()


def test_it_warns_of_plain_cookies_on_a_public_host(settings) -> None:
    settings.ALLOWED_HOSTS = ["chat.example"]
    assert found() == ["chat.W003"]
    refuse_serious_problems()

    settings.SECURE_COOKIES = True
    assert found() == []


@pytest.mark.parametrize("words", [["--workers", "2"], ["--workers=2"]])
def test_several_workers_need_redis(
    settings, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["uvicorn", "chatsite.asgi:application", *words])
    assert found() == ["chat.E004"]

    settings.REDIS_URL = "redis://localhost/"
    assert "chat.E004" not in found()


def test_the_environment_can_ask_for_several_workers_too(settings) -> None:
    settings.WEB_CONCURRENCY = 2

    assert found() == ["chat.E004"]


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ([], 1),
        (["--workers", "4"], 4),
        (["--workers=4"], 4),
        (["--workers", "1"], 1),
        (["--workers"], 1),
        (["--workers", "many"], 1),
        (["--port", "4"], 1),
    ],
)
def test_it_counts_the_workers(words: list[str], count: int) -> None:
    assert server_processes(["uvicorn", "app", *words]) == count


def test_it_refuses_a_model_that_is_not_there(settings, tmp_path) -> None:
    settings.CHAT_MODEL = str(tmp_path)
    assert found() == ["chat.E005"]

    (tmp_path / "config.json").write_text("{}")
    assert found() == []


def test_it_refuses_a_model_of_the_file_that_is_not_there(settings, tmp_path) -> None:
    path = tmp_path / "models.toml"
    here = '[[models]]\nid = "{}"\nengine = "local"\nname = "{}"\n'
    path.write_text(here.format("a", "demo") + here.format("b", "./missing"))
    settings.CHAT_MODELS_FILE = path
    assert found() == ["chat.E005"]


def test_it_refuses_a_draft_model_that_is_not_there(settings, tmp_path) -> None:
    settings.CHAT_MODEL, settings.CHAT_DRAFT_MODEL = "demo", "./missing"
    assert found() == ["chat.E005"]

    settings.CHAT_DRAFT_MODEL = None
    path = tmp_path / "models.toml"
    path.write_text(
        '[[models]]\nid = "demo"\nengine = "local"\ndraft_model = "./missing"\n'
    )
    settings.CHAT_MODELS_FILE = path
    assert found() == ["chat.E005"]


def test_a_web_process_needs_no_model(settings, tmp_path) -> None:
    settings.CHAT_MODEL = str(tmp_path)
    settings.CHAT_ROLE = "web"

    assert found() == []


def test_it_refuses_a_rate_that_is_none(settings) -> None:
    settings.CHAT_RATE_LIMIT = "often"

    assert found() == ["chat.E007"]


def test_it_warns_when_one_user_may_fill_the_queue(settings) -> None:
    settings.CHAT_USER_QUEUE = 100
    settings.CHAT_MAX_QUEUED = 50

    assert found() == ["chat.W008"]


def test_single_sign_on_needs_an_id(settings) -> None:
    settings.OIDC_ISSUER = "https://id.example.org"
    settings.OIDC_CLIENT_ID = ""

    assert found() == ["chat.E010"]


@pytest.mark.parametrize(
    ("issuer", "told"),
    [
        ("http://id.example.org", ["chat.W011"]),
        ("http://127.0.0.1:8080", []),
        ("https://id.example.org", []),
    ],
)
def test_single_sign_on_is_encrypted(settings, issuer: str, told: list[str]) -> None:
    settings.OIDC_ISSUER = issuer
    settings.OIDC_CLIENT_ID = "chatsite"

    assert found() == told
