"""Files go with their pictures, whoever deletes those, and none is forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from chat.conversations import purge
from chat.models import Conversation, LooseFile, Message, Picture
from chat.models.picture import files
from chat.pictures import loose
from chat.privacy import holds, removal
from chat.privacy.retention import Walk
from tests.api.helpers import answered
from tests.pictures.helpers import picture_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def picture(alice: User) -> Picture:
    return picture_of(answered(alice))


def there(picture: Picture) -> list[bool]:
    return [files.exists(name) for name in loose.names_of(picture)]


def test_they_go_with_the_conversation(picture: Picture) -> None:
    assert there(picture) == [True, True]

    purge(Conversation.objects.all())

    assert there(picture) == [False, False]
    assert not Picture.objects.exists()
    assert not LooseFile.objects.exists()


def test_a_deletion_that_can_be_undone_keeps_them(
    alice: User, picture: Picture
) -> None:
    place = picture.message.conversation_id
    removal.remove([place], alice)
    assert not Picture.objects.owned_by(alice).exists()
    removal.sweep()
    assert there(picture) == [True, True]

    removal.restore(place, alice)
    assert Picture.objects.owned_by(alice).get() == picture


def test_a_deletion_is_final_after_a_while(alice: User, picture: Picture) -> None:
    removal.remove([picture.message.conversation_id], alice)
    Conversation.objects.update(deleted=timezone.now() - timedelta(hours=1))
    removal.sweep()

    assert there(picture) == [False, False]


def test_they_are_kept_no_longer_than_the_conversation(
    picture: Picture, settings
) -> None:
    settings.CHAT_RETENTION_DAYS = 1
    Conversation.objects.update(updated=timezone.now() - timedelta(days=2))
    Walk().step()

    assert there(picture) == [False, False]


def test_under_a_hold_they_stay(alice: User, picture: Picture) -> None:
    holds.place(None, "The court asks.", conversation=picture.message.conversation)
    purge(Conversation.objects.all())
    for rows in (Picture.objects.all(), Message.objects.all()):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.delete()

    assert there(picture) == [True, True]
    assert not LooseFile.objects.exists()


def test_a_deletion_that_fails_keeps_the_files(picture: Picture) -> None:
    with transaction.atomic():
        Picture.objects.filter(pk=picture.pk).delete()
        transaction.set_rollback(True)

    assert there(picture) == [True, True]
    assert not LooseFile.objects.exists()


def test_what_cannot_be_deleted_now_is_deleted_later(
    picture: Picture, monkeypatch
) -> None:
    def away(_name: str) -> None:
        raise OSError("the storage is away")

    with monkeypatch.context() as broken:
        broken.setattr(type(files), "delete", lambda _self, name: away(name))
        picture.delete()
    assert there(picture) == [True, True]
    assert LooseFile.objects.count() == 2

    assert loose.sweep() is False

    assert there(picture) == [False, False]
    assert not LooseFile.objects.exists()


def test_a_file_without_a_row_goes_after_a_day(monkeypatch) -> None:
    """Its writer died before the end of its answer was written."""
    monkeypatch.setattr(loose, "SWEPT_AT_ONCE", 2)
    names = [f"ab/{place}.png" for place in range(3)]
    loose.announce(names)
    loose.announce(names)  # to repeat it is safe
    assert loose.sweep() is False
    assert LooseFile.objects.count() == 3
    LooseFile.objects.update(created=timezone.now() - 2 * loose.KEPT)

    assert loose.sweep() is True
    assert loose.sweep() is False
    assert not LooseFile.objects.exists()


def test_what_has_its_row_is_not_swept(picture: Picture) -> None:
    loose.announce(loose.names_of(picture))
    loose.claim([picture])
    LooseFile.objects.update(created=timezone.now() - 2 * loose.KEPT)
    loose.sweep()

    assert there(picture) == [True, True]
