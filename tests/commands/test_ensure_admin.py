from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def test_it_takes_the_password_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHAT_ADMIN_PASSWORD", "correct horse")

    call_command("ensure_admin")

    admin = authenticate(username="admin", password="correct horse")
    assert isinstance(admin, User)
    assert admin.is_superuser
    assert "correct horse" not in capsys.readouterr().out


def test_it_prints_a_random_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CHAT_ADMIN_PASSWORD", raising=False)

    call_command("ensure_admin")

    password = capsys.readouterr().out.split()[-1]
    assert len(password) >= 16
    assert authenticate(username="admin", password=password)


def test_it_leaves_an_inhabited_site_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    User.objects.create_user("alice")

    call_command("ensure_admin")

    assert not User.objects.filter(username="admin").exists()
    assert capsys.readouterr().out == ""
