"""Exports with pictures: the files, and where the documents say they are."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from chat import exporting, importing
from chat.models import Conversation, Generation, Message, Picture
from chat.models.picture import files
from chat.pictures import serving
from chat.privacy import removal
from tests.api.helpers import answered
from tests.pictures.helpers import picture_of

pytestmark = pytest.mark.django_db


def opened(parts: Iterable[bytes]) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(parts)))
    assert archive.testzip() is None
    return archive


def pictured(user: User, prompt: str = "A panda [in](the) `snow`") -> Picture:
    row = answered(user, "", prompt=prompt)
    Generation.objects.filter(pk=row.pk).update(params={"n": 1, "seed": 3})
    return picture_of(row)


def test_all_pictures_are_in_it(alice: User, bob: User) -> None:
    rows = [pictured(alice), pictured(alice)]
    pictured(bob)
    archive = opened(exporting.whole_as_zip(alice))

    document = json.loads(archive.read("chatsite.json"))
    told = [
        picture
        for conversation in document["conversations"]
        for message in conversation["messages"]
        for picture in message["pictures"]
    ]
    assert {one["id"] for one in told} == {str(row.pk) for row in rows}
    assert set(archive.namelist()) == {"chatsite.json", *(one["file"] for one in told)}
    for row in rows:
        assert archive.read(f"pictures/{row.pk}.png") == serving.read(row)


def test_one_conversation_has_its_own(alice: User) -> None:
    row, _other = pictured(alice), pictured(alice)
    archive = opened(exporting.one_as_zip(row.message.conversation))

    file = f"pictures/{row.pk}.png"
    assert set(archive.namelist()) == {"conversation.json", "conversation.md", file}
    assert (
        f"![A panda in(the) snow]({file})" in archive.read("conversation.md").decode()
    )


def test_what_was_deleted_is_for_staff_alone(alice: User) -> None:
    row = pictured(alice)
    removal.remove([row.message.conversation_id], alice)

    own = opened(exporting.whole_as_zip(alice))
    staffs = opened(exporting.whole_as_zip(alice, for_staff=True))
    assert own.namelist() == ["chatsite.json"]
    assert staffs.namelist() == ["chatsite.json", f"pictures/{row.pk}.png"]


def test_a_file_that_is_gone_is_left_out(alice: User) -> None:
    row = pictured(alice)
    files.delete(str(row.file.name))

    assert opened(exporting.whole_as_zip(alice)).namelist() == ["chatsite.json"]


def test_the_command_writes_it(alice: User, tmp_path) -> None:
    row = pictured(alice)
    output = tmp_path / "alice.zip"
    call_command("exportuser", "alice", "--zip", output=output)

    assert f"pictures/{row.pk}.png" in zipfile.ZipFile(output).namelist()


def test_importing_it_keeps_the_text(alice: User, bob: User) -> None:
    row = pictured(alice)
    data = b"".join(exporting.whole_as_json(alice))
    for _report in importing.run(bob, io.BytesIO(data)):
        pass

    copy = Conversation.objects.get(owner=bob)
    question, answer = Message.objects.filter(conversation=copy)
    assert question.content == row.alt
    assert (answer.content, answer.pictures.count()) == ("", 0)
    assert answer.generation.params == {"n": 1, "seed": 3}
