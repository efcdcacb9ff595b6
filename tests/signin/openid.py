"""A real OpenID provider (tests/signin/provider.js), and a browser in front of it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
from django.test import Client

from tests.processes import ROOT

HERE = "http://testserver"
CALLBACK = f"{HERE}/accounts/sso/login/callback/"
LEAVES = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')
FIELDS = re.compile(r'name="prompt" value="(\w+)"')
ACTION = re.compile(r'<form[^>]* action="([^"]+)"')


class OpenID:
    def __init__(self, issuer: str, people: Path) -> None:
        self.issuer, self._people = issuer, people

    def knows(self, who: str, /, **claims: Any) -> None:
        self._people.write_text(json.dumps({who: claims}))


@contextmanager
def provider(folder: Path, *redirects: str) -> Iterator[OpenID]:
    people = folder / "people.json"
    command = ["scripts/with-node", "node", "tests/signin/provider.js"]
    with (
        (folder / "provider.log").open("w") as log,
        subprocess.Popen(
            [*command, str(people), *redirects],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        assert process.stdout
        issuer = process.stdout.readline().strip()
        assert issuer, (folder / "provider.log").read_text()
        yield OpenID(issuer, people)
        process.kill()


class Browser:
    """One person's: this site on one side, the provider on the other."""

    def __init__(self) -> None:
        self.here = Client()
        self.there = requests.Session()

    def leaves(self, next: str = "") -> str:
        """Press the button; where it leads."""
        page = self.here.post("/accounts/sso/login/", {"next": next})
        found = LEAVES.search(page.content.decode())
        assert found, page.content.decode()
        return unescape(found[1])

    def returns(self, url: str, name: str) -> str:
        """Sign in there as this one, and consent; where that leads."""
        answer = self.there.get(url, allow_redirects=False)
        while not (url := answer.headers.get("Location", "")).startswith(HERE):
            if url:
                url = urljoin(answer.url, url)
                answer = self.there.get(url, allow_redirects=False)
                continue
            prompt, action = FIELDS.search(answer.text), ACTION.search(answer.text)
            assert prompt, answer.text
            assert action, answer.text
            body = {"prompt": prompt[1], "login": name, "password": "any"}
            answer = self.there.post(action[1], body, allow_redirects=False)
        return url.removeprefix(HERE)

    def signs_in(self, name: str, next: str = "") -> Any:
        """All the way; the last answer."""
        return self.here.get(self.returns(self.leaves(next), name))

    @property
    def is_in(self) -> bool:
        return self.here.get("/").status_code == 200
