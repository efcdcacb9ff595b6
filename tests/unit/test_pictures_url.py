"""`PICTURES_URL`: where the files of pictures are."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from chatsite.env import PICTURES, Env
from chatsite.pictures import storage


def test_a_folder_is_for_this_user_alone(tmp_path: Path) -> None:
    found = storage((tmp_path / "my pictures").as_uri())

    assert found["BACKEND"].endswith("FileSystemStorage")
    assert found["OPTIONS"]["location"] == str(tmp_path / "my pictures")
    assert found["OPTIONS"]["file_permissions_mode"] == 0o600
    assert found["OPTIONS"]["directory_permissions_mode"] == 0o700


def test_a_bucket_may_be_anywhere() -> None:
    url = "s3://chat/some/where/?endpoint=https%3A%2F%2Fs3.example.org&region=eu-1"
    found = storage(url)

    assert found["BACKEND"].endswith("S3Storage")
    assert found["OPTIONS"] == {
        "bucket_name": "chat",
        "location": "some/where",
        "endpoint_url": "https://s3.example.org",
        "region_name": "eu-1",
        "file_overwrite": True,
        "default_acl": None,
    }


def test_a_bucket_needs_no_more_than_its_name() -> None:
    options = storage("s3://chat")["OPTIONS"]

    assert (options["bucket_name"], options["location"]) == ("chat", "")
    assert "endpoint_url" not in options


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "begins with"),
        ("var/pictures", "begins with"),
        ("file://server/share", "begins with"),
        ("file:///", "begins with"),
        ("s3://", "begins with"),
        ("https://bucket.example.org", "begins with"),
        ("s3://key:secret@bucket", "AWS_ACCESS_KEY_ID"),
        ("s3://bucket?acl=public-read", "no acl"),
    ],
)
def test_anything_else_is_refused(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        storage(url)


def test_a_wrong_one_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTURES_URL", "ftp://x")
    with pytest.raises(ValidationError, match="PICTURES_URL"):
        Env()


def test_without_one_it_is_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTURES_URL", "")
    assert Env().PICTURES_URL == PICTURES
