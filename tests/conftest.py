"""Fixtures of the whole suite: people, keys, clients, a started process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from chat import process
from chat.models import ApiKey


@pytest.fixture(autouse=True)
def plain_static(settings: Any) -> None:
    """Pages render without collected static files."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        },
    }


@pytest.fixture
def alice(db: None) -> User:
    """The owner."""
    return User.objects.create_user("alice", password="alice-password")


@pytest.fixture
def bob(db: None) -> User:
    """Another user."""
    return User.objects.create_user("bob", password="bob-password")


@pytest.fixture
def charlie(db: None) -> User:
    """Staff without the permission."""
    return User.objects.create_user("charlie", password="charlie", is_staff=True)


@pytest.fixture
def key_of() -> Callable[[User], str]:
    return lambda user: ApiKey.objects.create_key(user, "test")[1]


@pytest.fixture
def api(alice: User) -> Client:
    """Alice with an API key, for calls that do not stream."""
    _row, key = ApiKey.objects.create_key(alice, "test")
    return Client(headers={"Authorization": f"Bearer {key}"})


@pytest.fixture
def bobs_api(bob: User) -> Client:
    _row, key = ApiKey.objects.create_key(bob, "test")
    return Client(headers={"Authorization": f"Bearer {key}"})


@pytest_asyncio.fixture
async def running(transactional_db: None) -> AsyncIterator[process.Process]:
    """This process with its runner, on the test's own loop."""
    here = await process.start()
    yield here
    await process.stop()


@pytest.fixture
def async_api(transactional_db: None) -> Callable[[User], AsyncClient]:
    def client(user: User) -> AsyncClient:
        _row, key = ApiKey.objects.create_key(user, "test")
        return AsyncClient(headers={"Authorization": f"Bearer {key}"})

    return client
