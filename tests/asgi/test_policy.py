"""What browsers may do with answers: pages by the settings, all else nothing."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
HEADER = "Content-Security-Policy"
NOTHING = "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize("path", ["/api/models", "/v1/models", "/healthz", "/api/no"])
def test_it_lets_what_is_no_page_do_nothing(client: Client, path: str) -> None:
    assert client.get(path)[HEADER] == NOTHING


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/", "/api/docs"])
def test_it_gives_pages_the_policy_of_the_settings(client: Client, path: str) -> None:
    policy = client.get(path)[HEADER]

    assert "script-src" in policy
    assert "unsafe" not in policy
