"""`manage.py exportuser`: a user's data as a file, and in the log that it was taken."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from chat.models import AuditEntry
from tests.api.helpers import answered

pytestmark = pytest.mark.django_db


def test_it_writes_a_file(alice, tmp_path) -> None:
    answered(alice, "An answer")
    file = tmp_path / "alice.json"

    call_command("exportuser", "alice", "--output", str(file))

    document = json.loads(file.read_text())
    assert document["account"]["username"] == "alice"
    assert len(document["conversations"][0]["messages"]) == 2
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.subject) == ("exported", None, alice.pk)


def test_it_writes_to_standard_output(alice, capfdbinary) -> None:
    call_command("exportuser", "alice")

    assert json.loads(capfdbinary.readouterr().out)["format"] == "chatsite"


def test_it_overwrites_nothing(alice, tmp_path) -> None:
    file = tmp_path / "alice.json"
    file.write_text("mine")

    with pytest.raises(CommandError, match="File exists"):
        call_command("exportuser", "alice", "--output", str(file))

    assert file.read_text() == "mine"


def test_it_says_that_there_is_no_such_user(db) -> None:
    with pytest.raises(CommandError, match="no user"):
        call_command("exportuser", "nobody")
