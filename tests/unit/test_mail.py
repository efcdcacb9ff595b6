"""`EMAIL_URL`."""

from __future__ import annotations

import pytest

from chatsite.mail import mail_server


def test_without_one_mails_go_to_the_terminal() -> None:
    assert mail_server(None).backend.endswith("console.EmailBackend")


def test_names_and_passwords_may_have_any_letter() -> None:
    server = mail_server("smtp+tls://me%40example.org:p%3A%2F%40@mail.example.org")

    assert server.backend.endswith("smtp.EmailBackend")
    assert (server.host, server.port) == ("mail.example.org", 587)
    assert (server.user, server.password) == ("me@example.org", "p:/@")


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail", 25, False, False),
        ("smtp+tls://mail", 587, True, False),
        ("smtps://mail", 465, False, True),
        ("smtps://mail:4465", 4465, False, True),
    ],
)
def test_the_scheme_says_how_it_is_encrypted(
    url: str, port: int, tls: bool, ssl: bool
) -> None:
    server = mail_server(url)

    assert (server.port, server.use_tls, server.use_ssl) == (port, tls, ssl)


@pytest.mark.parametrize("url", ["", "mail", "http://mail", "smtp://", "smtp://:25"])
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="begins with smtp://"):
        mail_server(url)
