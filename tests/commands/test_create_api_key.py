from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from chat.models import ApiKey

pytestmark = pytest.mark.django_db


def test_it_prints_the_key_alone(capsys: pytest.CaptureFixture[str]) -> None:
    alice = User.objects.create_user("alice")

    call_command("create_api_key", "alice", "--name", "notebook")

    key = capsys.readouterr().out.removesuffix("\n")
    row = ApiKey.objects.verify(key)
    assert row is not None
    assert (row.user, row.name) == (alice, "notebook")


def test_it_makes_a_new_key_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    User.objects.create_user("alice")

    call_command("create_api_key", "alice")
    call_command("create_api_key", "alice")

    assert len(set(capsys.readouterr().out.split())) == 2


def test_it_rejects_an_unknown_user() -> None:
    with pytest.raises(CommandError, match="nobody"):
        call_command("create_api_key", "nobody")
