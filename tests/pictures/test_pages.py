"""Pictures on the pages as the server sends them, and their files behind shared links
and in the administration's transcripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from chat import sharing
from chat.models import Conversation, Generation, Message, Picture
from chat.models.picture import files
from chat.pages import pictures
from tests.admin.conftest import give_reason
from tests.api.helpers import answered
from tests.reading import body

pytestmark = pytest.mark.django_db
PROMPT = 'a "red" <door>'
ALT = "a &quot;red&quot; &lt;door&gt;"


def png() -> bytes:
    out = BytesIO()
    Image.new("RGB", (6, 4), "red").save(out, "PNG")
    return out.getvalue()


def draw(user: User, *, status: str = "done", pictures: int = 1) -> Generation:
    """An answer that drew, or is still at it."""
    row = answered(user, "", prompt=PROMPT)
    params = {"n": 1, "size": [768, 512], "seed": 7}
    Generation.objects.filter(pk=row.pk).update(params=params, status=status)
    Message.objects.filter(pk=row.message_id).update(status=status)
    for number in range(pictures):
        name = files.save(f"{row.pk}-{number}.png", ContentFile(png()))
        Picture.objects.create(
            message=row.message,
            owner=user,
            number=number,
            file=name,
            thumbnail=name,
            content_type="image/png",
            width=768,
            height=512,
            bytes=len(png()),
            seed=7,
        )
    row.refresh_from_db()
    return row


@pytest.fixture
def page(alice: User) -> Callable[[Generation], str]:
    client = Client()
    client.force_login(alice)

    def read(row: Generation) -> str:
        response = client.get(f"/c/{row.conversation_id}/")
        assert response.status_code == 200
        return response.content.decode()

    return read


def test_the_page_shows_it_before_its_scripts_run(alice: User, page: Any) -> None:
    row = draw(alice)
    html = page(row)
    address = f"/api/images/{row.message.pictures.get().pk}"
    assert f'<a class="picture" href="{address}"' in html
    [image] = re.findall(r"<img src=./api[^>]*>", html)
    assert f'src="{address}/thumbnail"' in image
    assert f'alt="{ALT}"' in image
    assert 'width="512" height="341"' in image
    assert 'loading="lazy"' in image


def test_the_page_keeps_its_place_while_it_is_drawn(alice: User, page: Any) -> None:
    html = page(draw(alice, status="running", pictures=0))
    assert 'viewBox="0 0 512 341"' in html
    assert "The picture is being drawn." in html
    assert '<meta http-equiv="refresh"' in html


def test_the_page_says_that_it_was_stopped(alice: User, page: Any) -> None:
    html = page(draw(alice, status="stopped", pictures=0))
    assert '<p class="note">You stopped this picture' in html
    assert 'class="pictures"' not in html


def test_messages_say_what_is_drawn(alice: User) -> None:
    row = draw(alice, status="running", pictures=0)
    client = Client()
    client.force_login(alice)
    url = f"/api/conversations/{row.conversation_id}/messages"
    asked, answer = client.get(url).json()["items"]
    assert answer["drawing"] == {"width": 768, "height": 512, "n": 1}
    assert answer["images"] == []
    assert asked["drawing"] is None


@pytest.mark.parametrize(
    ("pixels", "size"), [(1024 * 1024, (768, 512)), (256 * 256, (256, 192))]
)
def test_one_can_choose_what_the_site_allows(
    pixels: int, size: tuple[int, int], settings: Any
) -> None:
    settings.CHAT_IMAGE_MAX_PIXELS = pixels
    assert pictures.sizes()["wide"] == size
    assert size[0] * size[1] <= pixels


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((512, 512), (416, 416)),
        ((768, 512), (512, 341)),
        ((512, 768), (277, 416)),
        ((64, 64), (416, 416)),
    ],
)
def test_all_are_shown_alike(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert pictures.fitted(*size) == shown


class TestSharedCopies:
    def test_they_show_the_picture(self, alice: User) -> None:
        row = draw(alice)
        share, _new = sharing.share(alice, row.conversation_id)
        html = Client().get(f"/share/{share.token}/").content.decode()
        picture = row.message.pictures.get()
        address = f"/share/{share.token}/{picture.pk}/"
        assert f'href="{address}"' in html
        assert f'alt="{ALT}"' in html
        assert "/api/images" not in html
        for path in (address, f"{address}thumbnail/"):
            response = Client().get(path)
            assert async_to_sync(body)(response) == png()
            assert response["Content-Type"] == "image/png" or "thumb" in path
            assert "no-cache" in response["Cache-Control"]

    def test_they_show_no_other_picture(self, alice: User, bob: User) -> None:
        row, other, bobs = draw(alice), draw(alice), draw(bob)
        share, _new = sharing.share(alice, row.conversation_id)
        for there in (other, bobs):
            pk = there.message.pictures.get().pk
            assert Client().get(f"/share/{share.token}/{pk}/").status_code == 404

    def test_nothing_is_left_of_them_when_they_are_revoked(self, alice: User) -> None:
        row = draw(alice)
        share, _new = sharing.share(alice, row.conversation_id)
        sharing.revoke(alice, share.pk)
        pk = row.message.pictures.get().pk
        assert Client().get(f"/share/{share.token}/{pk}/").status_code == 404


class TestTranscripts:
    @pytest.fixture
    def root(self) -> Client:
        client = Client()
        client.force_login(User.objects.create_superuser("root"))
        return client

    def test_they_show_it_for_a_reason_only(self, alice: User, root: Client) -> None:
        row = draw(alice)
        place, picture = row.conversation_id, row.message.pictures.get()
        file = reverse("admin:chat_conversation_picture", args=[place, picture.pk])
        small = reverse("admin:chat_conversation_thumbnail", args=[place, picture.pk])
        asked = root.get(file)
        assert asked.status_code == 302
        give_reason(root, asked["Location"])

        html = root.get(reverse("admin:chat_conversation_change", args=[place]))
        shown = html.content.decode()
        assert f'<a href="{file}"><img src="{small}"' in shown
        assert f'alt="{ALT}"' in shown
        response = root.get(file)
        assert async_to_sync(body)(response) == png()
        assert "no-store" in response["Cache-Control"]

    def test_a_reason_opens_no_other_conversation(
        self, alice: User, root: Client
    ) -> None:
        row, other = draw(alice), draw(alice)
        give_reason(root, root.get(self._file(row, row))["Location"])
        assert root.get(self._file(row, row)).status_code == 200
        assert root.get(self._file(row, other)).status_code == 404
        assert root.get(self._file(other, other)).status_code == 302

    def test_staff_who_may_not_read_get_nothing(
        self, alice: User, charlie: User, client: Client
    ) -> None:
        row = draw(alice)
        client.force_login(charlie)
        assert client.get(self._file(row, row)).status_code == 403

    def test_what_is_not_reviewed_here_is_shown_to_nobody(
        self, alice: User, root: Client, settings: Any
    ) -> None:
        settings.CHAT_REVIEW = "off"
        row = draw(alice)
        assert root.get(self._file(row, row)).status_code == 403

    def _file(self, place: Generation, of: Generation) -> str:
        pk = Picture.objects.get(message=of.message_id).pk
        name = "admin:chat_conversation_picture"
        return reverse(name, args=[place.conversation_id, pk])


def test_a_deleted_conversation_shows_no_picture(alice: User) -> None:
    row = draw(alice)
    share, _new = sharing.share(alice, row.conversation_id)
    Conversation.objects.filter(pk=row.conversation_id).update(
        deleted="2026-01-01T00:00Z"
    )
    pk = row.message.pictures.get().pk
    assert Client().get(f"/share/{share.token}/{pk}/").status_code == 404
