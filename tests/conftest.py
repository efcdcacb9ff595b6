"""Fixtures of the whole suite: settings, people, keys, clients, a started process."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import hypothesis
import pytest
import pytest_asyncio
from asgiref.sync import SyncToAsync
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection, connections, transaction
from django.test import AsyncClient, Client, TransactionTestCase

from chat import database
from chat.limits import quotas as quotas_module
from chat.limits.quotas import quotas
from chat.models import ApiKey
from chat.running import process, runner
from chat.screening.rulebook import NO_RULES, rulebook
from tests import serving
from tests.reading import PATIENCE
from tests.workers import (  # noqa: F401
    common_folder,
    pytest_collection_finish,
    pytest_collection_modifyitems,
    pytest_ignore_collect,
    pytest_xdist_make_scheduler,
    use_own_redis,
)

use_own_redis()
# How long an example takes says nothing here.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")

# pytest-django has read the settings by now, so this goes past the environment.
for _name, _value in {
    "SECRET_KEY": "a key for tests, and for nothing else in the whole world",
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
    "REDIS_URL": None,
    "STORAGES": {
        **django_settings.STORAGES,
        "staticfiles": {  # pages render without collected files
            "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        },
        "pictures": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    },
    "CHAT_MODEL": "scripted",
    "CHAT_SYSTEM_PROMPT": "",
    "CHAT_CHECKPOINT_SECONDS": 0.1,
    "CHAT_LEASE_SECONDS": 60,  # none runs out because the machine stood still
    "CHAT_GRACE_SECONDS": 0,
    # Tests of anything but the limits ask as much as they like.
    "CHAT_USER_CONCURRENCY": 1000,
    "CHAT_USER_QUEUE": 10_000,
    "EMAIL_IS_SET": True,  # Django's test runner keeps what is sent
    "ACCOUNT_EMAIL_VERIFICATION": "mandatory",
}.items():
    setattr(django_settings, _name, _value)


# Rows that migrations wrote and no test changes.
KEPT = {"django_content_type", "auth_permission"}


@functools.cache
def emptying() -> list[str]:
    """The statements that empty all tables. Holds first: nothing can be deleted under
    one. Else in any order: references are looked at in the end."""
    names = connection.introspection.django_table_names(
        only_existing=True, include_views=False
    )
    tables = sorted(set(names) - KEPT, key=lambda name: name != "chat_hold")
    every = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables]
    return every if connection.vendor == "sqlite" else ["; ".join(every)]


def empty_tables(self: TransactionTestCase) -> None:
    """What `flush` does behind a test that commits, but for these rows: to write them
    again costs more than most tests do. So does TRUNCATE of empty tables in PostgreSQL.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in emptying():
            cursor.execute(statement)


TransactionTestCase._fixture_teardown = empty_tables
# What a slow machine has not handed back by then would wait for its lease to end.
runner.LET_GO_SECONDS = PATIENCE
quotas_module.SECONDS = 3600.0  # no test waits for that, and none may meet it


@pytest.fixture(scope="session", autouse=True)
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One for all processes of this run: to migrate takes seconds."""
    serving.template = common_folder(tmp_path_factory) / "empty.sqlite3"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    empty_database: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """SQLite in a file, as it is served: in memory, threads lock each other out."""
    config = connections["default"].settings_dict
    if connection.vendor == "sqlite":
        config["TEST"]["NAME"] = tmp_path_factory.mktemp("database") / "test.sqlite3"
        config["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
    elif template := os.environ.get("TEST_DATABASE_TEMPLATE"):
        config["TEST"]["TEMPLATE"] = template


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings: None) -> bool:
    """Whether there are tables already. Alone, a process makes its own sooner."""
    if connection.vendor != "sqlite" or "PYTEST_XDIST_WORKER" not in os.environ:
        return False
    serving.copy_tables(connection.settings_dict["TEST"]["NAME"])
    return True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Before the database is dropped, threads that keep connections let go."""
    yield
    together = threading.Barrier(database.THREADS)

    def let_go() -> None:
        together.wait(PATIENCE)
        connections.close_all()

    pool = database._pool
    for done in [pool.submit(let_go) for _ in range(database.THREADS)]:
        done.result(PATIENCE)
    for pool in (database._ordered, database._readers, database._bulk):
        pool.submit(connections.close_all).result(PATIENCE)
    SyncToAsync.single_thread_executor.submit(connections.close_all).result(PATIENCE)


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    """Ids come again in the next test."""
    cache.clear()
    quotas.forget()
    rulebook.forget()
    rulebook.known = NO_RULES


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
def api(alice: User, key_of: Callable[[User], str]) -> Client:
    """Alice with an API key, for calls that do not stream."""
    return Client(headers={"Authorization": f"Bearer {key_of(alice)}"})


@pytest.fixture
def bobs_api(bob: User, key_of: Callable[[User], str]) -> Client:
    return Client(headers={"Authorization": f"Bearer {key_of(bob)}"})


@pytest_asyncio.fixture
async def running(transactional_db: None) -> AsyncIterator[process.Process]:
    """This process with its runner, on the test's own loop."""
    here = await process.start()
    yield here
    await process.stop()


class KeyClient(AsyncClient):
    """Django's own drops the headers that it is made with."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._header = {"Authorization": f"Bearer {key}"}

    def generic(self, *args: Any, headers: Any = None, **extra: Any) -> Any:
        return super().generic(*args, headers=self._header | (headers or {}), **extra)


@pytest.fixture
def async_api(
    transactional_db: None, key_of: Callable[[User], str]
) -> Callable[[User], AsyncClient]:
    """Somebody with an API key, for calls that stream. Make it before the loop."""
    return lambda user: KeyClient(key_of(user))


@pytest.fixture
def alices(alice: User, async_api: Callable[[User], AsyncClient]) -> AsyncClient:
    return async_api(alice)


@pytest.fixture
def bobs(bob: User, async_api: Callable[[User], AsyncClient]) -> AsyncClient:
    return async_api(bob)


@pytest.fixture
def post(api: Client) -> Callable[..., Any]:
    """POST JSON as Alice."""

    def send(path: str, body: Any, **extra: Any) -> Any:
        return api.post(path, body, content_type="application/json", **extra)

    return send
