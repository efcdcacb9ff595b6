"""Every address of the site and every page of the admin, asked for by everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from ninja.operation import PathView

from chat.api import portability
from chat.api.document import DocumentedAPI
from chat.privacy import removal

from .table import ADMIN, SITE, UNTOLD, Door, Who
from .world import Staff, World, ask

pytestmark = pytest.mark.timeout(900)  # each test makes thousands of requests
CONVERTER = re.compile(r"<\w+:")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
Call = tuple[str, str]


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password="root")


@pytest.fixture
def world(
    alice: User, bob: User, charlie: User, root: User, monkeypatch: pytest.MonkeyPatch
) -> World:
    monkeypatch.setattr(portability, "AT_ONCE", 1000)
    monkeypatch.setattr(removal, "UNDO", timedelta(days=1))
    # Made anew for each request, and that takes longer than all the rest.
    monkeypatch.setattr(DocumentedAPI, "get_openapi_schema", lambda *_all, **_more: {})
    return World(alice, bob, charlie, root)


def patterns(resolver: Any, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for found in resolver.url_patterns:
        route = prefix + str(found.pattern)
        if isinstance(found, URLResolver):
            yield from patterns(found, route)
        else:
            yield route, found


def addresses() -> dict[str, set[str]]:
    """The site's routes; of the APIs with the methods they take."""
    found: dict[str, set[str]] = {}
    for route, pattern in patterns(get_resolver()):
        if route.startswith("admin/"):
            continue
        view = getattr(pattern.callback, "__self__", None)
        taken = found.setdefault(CONVERTER.sub("<", route), set())
        if isinstance(view, PathView):
            taken |= {name for row in view.operations for name in row.methods}
    return found


def test_every_address_has_a_row() -> None:
    told = {(route, method) for method, route in SITE}
    for route, methods in addresses().items():
        missing = [name for name in methods if (route, name) not in told]
        assert not missing, f"{route}: say who may {missing} it, in table.SITE"
        rows = [name for name, _method in told if name == route]
        assert rows, f"{route}: say who may see it, in table.SITE"
    gone = {route for _method, route in SITE} - set(addresses())
    assert not gone, f"no longer there: {gone}"


def test_every_page_of_the_admin_has_a_row() -> None:
    names = {
        pattern.name
        for _route, pattern in patterns(admin_resolver())
        if pattern.name and ("", pattern.name) not in UNTOLD
    }
    told = {name for _method, name in ADMIN}
    assert names == told, "say who may see it, in table.ADMIN"


def admin_resolver() -> Any:
    routes = get_resolver().url_patterns
    return next(r for r in routes if getattr(r, "app_name", None) == "admin")


# The site


def kind(response: Any) -> str:
    """What became of it: `in`, `login`, 401, 403, 404 or 405."""
    if response.status_code == 302 and "/login/" in response["Location"]:
        return "login"
    if response.status_code in (401, 403, 404, 405):
        return str(response.status_code)
    works = response.status_code < 500 or response.status_code == 503
    return "in" if works else f"broken: {response.status_code}"


def expected(door: Door, group: str, name: str, is_api: bool) -> str:
    """In the words of `kind`."""
    who, is_program = door.who, "program" in name or "key" in name
    is_refused, is_other = group == "refused", group == "others"
    if who is Who.LOGIN:
        return "login"
    if is_refused and is_program and is_api:
        return "401"  # a key that opens nothing, wherever it is shown
    if who in (Who.EVERYBODY, Who.NOBODY):
        return "in" if who is Who.EVERYBODY else "404"
    if is_refused or (is_program and not is_api):
        return "401" if is_api else "login"
    if who is Who.NOBODYS_PAGE:
        return "404"
    if is_program and who in (Who.SESSION, Who.OWNERS_SESSION):
        return "403"
    owned = (Who.OWNER, Who.OWNERS_PAGE, Who.OWNERS_SESSION)
    return "404" if who in owned and is_other else "in"


def test_the_site(world: World) -> None:
    wrong = []
    for (method, route), door in SITE.items():
        path = address(route, door, world)
        is_api = path.startswith(("/api/", "/v1/"))
        body = {} if is_api and door.body is None and method == "POST" else door.body
        for group in ("owners", "others", "refused"):
            for name, client in getattr(world, group).items():
                response = ask(client, method, path, body, form=door.form)
                wanted = expected(door, group, name, is_api)
                if (got := kind(response)) != wanted:
                    wrong.append(f"{method} {route}, {name}: {got}, not {wanted}")
    assert not wrong, "\n".join(wrong)


def address(route: str, door: Door, world: World) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        return str(world.values[door.params.get(name, name)])

    known = re.sub(r"<(\w+)>", value, route)
    return "/" + ("api/nothing" if known.startswith("^") else known)


def test_other_methods_get_nowhere(world: World) -> None:
    """What is not in the table is not taken: of nobody."""
    wrong = []
    taken = addresses()
    for route in {route for _method, route in SITE}:
        doors = {method: door for (method, name), door in SITE.items() if name == route}
        path = address(route, next(iter(doors.values())), world)
        if not taken[route]:
            continue  # a page: Django answers what it does not know with 405 itself
        for method in set(METHODS) - set(doors):
            response = ask(world.owners["alice"], method, path, None)
            if kind(response) not in ("405", "404"):
                wrong.append(f"{method} {route}: {kind(response)}")
    assert not wrong, "\n".join(wrong)


# The admin


def admin_path(name: str, world: World) -> str:
    if name.endswith("_review"):
        return reverse(f"admin:{name}", args=[world.values["conversation"]])
    if name.endswith(("_picture", "_thumbnail")):
        inside = [world.values["conversation"], world.values["picture"]]
        return reverse(f"admin:{name}", args=inside)
    parts = name.rsplit("_", 1)
    if name == "auth_user_password_change":
        parts = ["auth_user", "password_change"]
    one = parts[-1] in ("change", "history", "delete", "password_change", "export")
    if one and parts[0] in world.rows:
        return reverse(f"admin:{name}", args=[world.rows[parts[0]]])
    if name == "autocomplete":
        query = "app_label=chat&model_name=apikey&field_name=user"
        return f"{reverse('admin:autocomplete')}?{query}"
    return reverse(f"admin:{name}")


def without(ways: Sequence[str], every: set[str]) -> set[str]:
    """As many permissions as possible that still open nothing: of each way one is
    missing."""
    return every - {way.split()[-1] for way in ways}


def test_the_admin_sends_away_who_is_no_staff(world: World) -> None:
    wrong = []
    people = {**world.refused, **world.owners, "bob": world.others["bob"]}
    for method, name in ADMIN:
        path = admin_path(name, world)
        for who, client in people.items():
            response = ask(client, method, path, None)
            if kind(response) != "login" and name != "logout":
                wrong.append(f"{method} {name}, {who}: {kind(response)}")
    assert not wrong, "\n".join(wrong)


def test_the_admin_opens_by_permissions(world: World) -> None:
    """Alone each way in opens; without all of them nothing does, and all other
    permissions together open as little. A superuser has every way there is."""
    staff = Staff()
    every = set(staff.every)
    tries: list[tuple[Call, tuple[str, ...], bool]] = []
    for call, ways in ADMIN.items():
        alone = [way for way in ways if way and way != "superuser"]
        tries.append((call, (), "" in ways))
        tries.append((call, tuple(sorted(without(alone, every))), "" in ways))
        tries += [(call, tuple(way.split()), True) for way in alone]
    wrong = []
    # Those with the same permissions one after the other: few are given and taken.
    for call, names, may in sorted(tries, key=lambda row: (len(row[1]), row[1])):
        response = ask(staff.may(names), call[0], admin_path(call[1], world), None)
        if (kind(response) != "403") != may:
            wrong.append(f"{call}, staff with {names[:3]}: {kind(response)}")
    for call, ways in ADMIN.items():
        response = ask(world.others["root"], call[0], admin_path(call[1], world), None)
        if (kind(response) != "403") != bool(ways):
            wrong.append(f"{call}, superuser: {kind(response)}")
    assert not wrong, "\n".join(wrong)
