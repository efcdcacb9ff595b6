"""`/image/`: the frame of one image of another site."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chat.pages.image import MAX_ADDRESS, MAX_ALT

SRC = "https://pictures.example/a.png?x=1&y=2"
FRAMED = {"sec-fetch-dest": "iframe", "sec-fetch-site": "same-origin"}


@pytest.fixture
def client_of_alice(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def frame(client: Client, src: str = SRC, alt: str = "a cat", **how: Any) -> Any:
    query = urlencode({"src": src, "alt": alt})
    return client.get(f"/image/?{query}", **{"headers": FRAMED, **how})


def test_it_shows_one_image(client_of_alice: Client) -> None:
    response = frame(client_of_alice)
    html = response.content.decode()
    assert response.status_code == 200
    assert html.count("<img") == 1
    assert 'src="https://pictures.example/a.png?x=1&amp;y=2" alt="a cat"' in html
    assert "<script" not in html
    assert "<title>a cat</title>" in html


def test_its_policy_allows_that_site_and_nothing_else(client_of_alice: Client) -> None:
    policy = frame(client_of_alice)["Content-Security-Policy"].split("; ")
    assert policy[:2] == ["default-src 'none'", "img-src https://pictures.example"]
    assert policy[2:] == [
        *("style-src 'self'", "base-uri 'none'", "form-action 'none'"),
        *("frame-ancestors 'self'", "sandbox"),
    ]


def test_it_says_nothing_of_the_reader(client_of_alice: Client) -> None:
    response = frame(client_of_alice)
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Cross-Origin-Embedder-Policy"] == "credentialless"
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert "no-store" in response["Cache-Control"]


def test_the_chat_page_itself_allows_no_foreign_image(client_of_alice: Client) -> None:
    policy = client_of_alice.get("/")["Content-Security-Policy"]
    assert "img-src 'self' data:;" in policy + ";"
    assert "frame-src" not in policy
    assert "default-src 'self'" in policy


def test_it_asks_to_sign_in(client: Client, db: None) -> None:
    response = frame(client)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize(
    "headers",
    [
        FRAMED | {"sec-fetch-dest": "document"},
        FRAMED | {"sec-fetch-site": "cross-site"},
        FRAMED | {"sec-fetch-site": "none"},
    ],
)
def test_it_is_only_for_frames_of_our_own_pages(
    client_of_alice: Client, headers: dict[str, str]
) -> None:
    assert frame(client_of_alice, headers=headers).status_code == 403


def test_browsers_that_do_not_tell_are_believed(client_of_alice: Client) -> None:
    assert frame(client_of_alice, headers={}).status_code == 200


@pytest.mark.parametrize(
    "src",
    [
        "",
        "a.png",
        "//pictures.example/a.png",
        "http://pictures.example/a.png",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "https://user:word@pictures.example/a.png",
        "https://pictures.example@evil.example/a.png",
        "https://pictures.example:8443/a.png",
        "https://pictures.example; script-src 'unsafe-inline'",
        "https://*.example/a.png",
        "https://pictures.example\\@evil.example/",
        "https://pictures.example/a b.png",
        "https://pictures.example/a.png\nx",
        "https://pictures.example/图.png",
        "https://图.example/a.png",
        "https://localhost/a.png",
        "https://127.0.0.1/a.png",
        "https://[::1]/a.png",
        "https://pictures.example/" + "a" * MAX_ADDRESS,
    ],
)
def test_it_refuses_other_addresses(client_of_alice: Client, src: str) -> None:
    response = frame(client_of_alice, src)
    assert response.status_code == 400
    assert response.content.startswith(b"src: ")
    assert response["X-Frame-Options"] == "DENY"


def test_what_the_address_says_is_no_markup(client_of_alice: Client) -> None:
    alt = '</title><script>hit()</script>" onload="hit()'
    html = frame(client_of_alice, SRC + '"onload="hit()', alt).content.decode()
    assert "<script" not in html
    assert 'onload="' not in html


def test_words_are_bounded(client_of_alice: Client) -> None:
    html = frame(client_of_alice, alt="x" * 1000).content.decode()
    assert "x" * MAX_ALT in html
    assert "x" * (MAX_ALT + 1) not in html


def test_only_get(client_of_alice: Client) -> None:
    assert client_of_alice.post("/image/", {"src": SRC}).status_code == 405
