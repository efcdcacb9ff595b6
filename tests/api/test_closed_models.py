"""A model that is closed to a user: left out of lists, refused wherever it is named."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from chat.engines.base import ModelInfo
from chat.models import Conversation, Generation, Quota
from tests.api.helpers import answered, error_of

pytestmark = pytest.mark.django_db(transaction=True)
MESSAGES = [{"role": "user", "content": "Hello"}]
CLOSED = {"model": "scripted"}


@pytest.fixture(autouse=True)
def offered(monkeypatch, alice) -> None:
    """Alice may use only `other`, which is not the default."""
    monkeypatch.setattr(
        "chat.engines.registry.models",
        lambda: [ModelInfo(name, name) for name in ("scripted", "other")],
    )


@pytest.fixture
def talk(alice) -> Generation:
    return answered(alice)


@pytest.fixture(autouse=True)
def closed(alice, talk) -> None:
    school = Group.objects.create(name="school")
    Quota.objects.create(group=school, allowed_models=["other"])
    alice.groups.add(school)


def test_lists_leave_it_out(api, bobs_api) -> None:
    [only] = api.get("/api/models").json()["items"]
    assert (only["id"], only["default"]) == ("other", True)
    assert [row["id"] for row in api.get("/v1/models").json()["data"]] == ["other"]
    assert len(bobs_api.get("/api/models").json()["items"]) == 2
    assert len(bobs_api.get("/v1/models").json()["data"]) == 2


def test_natively_it_is_refused_wherever_it_is_named(api, post, talk) -> None:
    question, count = talk.message.parent_id, Generation.objects.count()
    Generation.objects.update(finish_reason="length")
    where = {"conversation": str(talk.conversation_id)}

    for path, body in (
        ("/api/chat", {"prompt": "a"}),
        ("/api/chat/stream", {"prompt": "a"}),
        ("/api/chat/stream", {"prompt": "a"} | where),
        (f"/api/messages/{talk.message_id}/regenerate", {}),
        (f"/api/messages/{talk.message_id}/continue", {}),
        (f"/api/messages/{question}/edit", {"prompt": "b"}),
        ("/api/conversations", {}),
    ):
        error = error_of(post(path, body | CLOSED), 403)
        assert (error["code"], error["field"]) == ("model_not_allowed", "model"), path
        assert "Choose another one" in error["message"]
    page = f"/api/conversations/{talk.conversation_id}"
    changed = api.patch(page, CLOSED, content_type="application/json")
    assert error_of(changed, 403)["code"] == "model_not_allowed"
    looked = api.get(f"{page}/context?model=scripted")
    assert error_of(looked, 403)["code"] == "model_not_allowed"
    assert Generation.objects.count() == count


def test_who_names_none_gets_one_that_is_open(api, post, talk) -> None:
    where = {"prompt": "a", "conversation": str(talk.conversation_id)}
    assert model_of(post("/api/chat/stream", where)) == "other"
    assert model_of(post(f"/api/messages/{talk.message_id}/regenerate", {})) == "other"
    Generation.objects.filter(pk=talk.pk).update(finish_reason="length")
    assert model_of(post(f"/api/messages/{talk.message_id}/continue", {})) == "other"
    assert post("/api/conversations", {}).json()["model"] == "other"
    context = api.get(f"/api/conversations/{talk.conversation_id}/context").json()
    assert context["model"] == "other"


def model_of(response) -> str:
    assert response.status_code == 200, response.content
    return Generation.objects.get(pk=response.headers["X-Generation-Id"]).model


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": MESSAGES}),
        ("/v1/chat/completions", {"messages": MESSAGES, "stream": True}),
        ("/v1/responses", {"input": "Hello"}),
        ("/v1/responses", {"input": "Hello", "background": True}),
    ],
)
def test_in_openais_dialect(post, path, body) -> None:
    response = post(path, body | CLOSED)

    assert response.status_code == 403
    error = response.json()["error"]
    assert (error["code"], error["param"], error["type"]) == (
        *("model_not_allowed", "model"),
        "permission_error",
    )
    taken = post(path, body | {"background": True} if "input" in body else body)
    assert taken.status_code == 200
    assert Generation.objects.latest("created").model == "other"


def test_one_of_openais_models(api) -> None:
    assert api.get("/v1/models/other").json()["id"] == "other"
    response = api.get("/v1/models/scripted")
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "model_not_allowed"


def test_in_dashscopes_dialect(post) -> None:
    path = "/api/v1/services/aigc/text-generation/generation"
    body = {"input": {"messages": MESSAGES}}

    response = post(path, body | CLOSED)

    assert response.status_code == 403
    assert response.json()["code"] == "Model.AccessDenied"
    assert "Choose another one" in response.json()["message"]
    taken = post(path, body, headers={"X-DashScope-SSE": "enable"})
    assert taken.status_code == 200
    assert Generation.objects.latest("created").model == "other"


def test_the_plain_form_takes_one_that_is_open(client, alice, talk) -> None:
    client.force_login(alice)
    client.post(f"/c/{talk.conversation_id}/", {"prompt": "a"})

    assert Generation.objects.latest("created").model == "other"


def test_the_page_opens_where_none_is(client, alice) -> None:
    Quota.objects.create(user=alice, allowed_models=["gone"])
    client.force_login(alice)

    assert client.get("/").status_code == 200
    refused = client.post("/", {"prompt": "a"})
    assert refused.status_code == 403
    assert "none of the models" in refused.content.decode()
    assert Conversation.objects.count() == 1
