"""`/api/settings`: a session's own preferences."""

from __future__ import annotations

import pytest
from django.test import Client

from chat.models import Preferences
from tests.api.helpers import error_of

pytestmark = pytest.mark.django_db
DEFAULTS = {
    "language": "",
    "theme": "system",
    "typewriter": "smooth",
    "typewriter_speed": 40,
    "remote_images": False,
}


@pytest.fixture
def session(alice) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def patch(client: Client, body):
    return client.patch("/api/settings", body, content_type="application/json")


def test_they_are_the_defaults_at_first(session) -> None:
    assert session.get("/api/settings").json() == DEFAULTS
    assert patch(session, {}).json() == DEFAULTS
    assert not Preferences.objects.exists()


def test_what_is_named_changes_and_the_rest_stays(session) -> None:
    changed = {"theme": "dark", "typewriter_speed": 120}
    assert patch(session, changed).json() == DEFAULTS | changed

    more = {"language": "zh-hans", "remote_images": True, "typewriter": "fixed"}
    assert patch(session, more).json() == DEFAULTS | changed | more
    assert session.get("/api/settings").json() == DEFAULTS | changed | more


def test_they_are_ones_own(session, bob) -> None:
    patch(session, {"theme": "dark"})
    client = Client()
    client.force_login(bob)

    assert client.get("/api/settings").json() == DEFAULTS


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"theme": "pink"}, "theme"),
        ({"language": "tlh"}, "language"),
        ({"language": ""}, "language"),
        ({"typewriter": True}, "typewriter"),
        ({"typewriter_speed": 4}, "typewriter_speed"),
        ({"typewriter_speed": 501}, "typewriter_speed"),
        ({"typewriter_speed": "40"}, "typewriter_speed"),
        ({"remote_images": "yes"}, "remote_images"),
        ({"bogus": 1}, "bogus"),
    ],
)
def test_it_names_what_is_wrong(session, body, field) -> None:
    assert error_of(patch(session, body), 400)["field"] == field
    assert not Preferences.objects.exists()


def test_keys_have_no_page_to_look_at(api) -> None:
    assert error_of(api.get("/api/settings"), 403)["code"] == "session_required"
    assert error_of(patch(api, {"theme": "dark"}), 403)["code"] == "session_required"


def test_it_asks_to_sign_in() -> None:
    error_of(Client().get("/api/settings"), 401)
