from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from chat.models import ApiKey
from chat.people import keys

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def somebody(db: None) -> User:
    return User.objects.create_user("alice")


def made(capsys: pytest.CaptureFixture[str], *options: str) -> ApiKey:
    call_command("create_api_key", "alice", *options)
    key = capsys.readouterr().out.removesuffix("\n")
    row = ApiKey.objects.verify(key)
    assert row is not None
    return row


def test_it_prints_the_key_alone(
    capsys: pytest.CaptureFixture[str], somebody: User
) -> None:
    row = made(capsys, "--name", "notebook")

    assert (row.user, row.name) == (somebody, "notebook")
    assert (row.scopes, row.expires) == ("chat read", None)


def test_it_makes_a_new_key_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert made(capsys) != made(capsys)


def test_it_takes_scopes(capsys: pytest.CaptureFixture[str]) -> None:
    assert made(capsys, "--scope", "read").scopes == "read"
    assert made(capsys, "--scope", "read", "--scope", "chat").scopes == "chat read"


def test_it_takes_a_number_of_days(capsys: pytest.CaptureFixture[str]) -> None:
    before = timezone.now()

    expires = made(capsys, "--expires", "90d").expires

    assert expires is not None
    assert before <= expires - timedelta(days=90) <= timezone.now()


def test_a_day_is_through_its_end(capsys: pytest.CaptureFixture[str], settings) -> None:
    settings.TIME_ZONE = "Asia/Shanghai"
    day = timezone.localdate() + timedelta(days=40)

    expires = made(capsys, "--expires", day.isoformat()).expires

    assert expires is not None
    assert timezone.localtime(expires).replace(tzinfo=None) == datetime.combine(
        day, time(23, 59, 59)
    )


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (["--expires", "2020-01-31"], "future"),
        (["--expires", "9999-12-31"], "ten years"),
        (["--expires", "99999d"], "ten years"),
        (["--expires", "soon"], "2027-01-31"),
        (["--scope", "admin"], "invalid choice"),
        (["--name", "x" * 101], "too long"),
    ],
)
def test_it_says_what_is_wrong(options: list[str], wrong: str) -> None:
    with pytest.raises(CommandError, match=wrong):
        call_command("create_api_key", "alice", *options)
    assert not ApiKey.objects.exists()


def test_it_rejects_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_KEYS", 0)
    with pytest.raises(CommandError, match="revoke one"):
        call_command("create_api_key", "alice")


def test_it_rejects_an_unknown_user() -> None:
    with pytest.raises(CommandError, match="nobody"):
        call_command("create_api_key", "nobody")
