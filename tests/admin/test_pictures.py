from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from chat.models import Picture
from tests.pictures.helpers import picture_of

LIST = reverse("admin:chat_picture_changelist")


@pytest.fixture
def picture(alice: User, talk) -> Picture:
    _conversation, _message, job = talk(alice, "A secret plan")
    return picture_of(job)


def test_it_shows_whose_it_is_and_nothing_of_it(
    admin: Client, picture: Picture
) -> None:
    page = reverse("admin:chat_picture_change", args=[picture.pk])
    for url in (LIST, page):
        text = admin.get(url).content.decode()
        assert "alice" in text
        assert "64 × 64" in text
        for secret in (picture.file.name, picture.thumbnail.name, "A secret plan"):
            assert secret not in text


@pytest.mark.parametrize("name", ["file__startswith", "thumbnail", "seed"])
def test_it_does_not_tell_it_letter_by_letter(admin: Client, db, name: str) -> None:
    assert admin.get(f"{LIST}?{name}=a").status_code == 400
