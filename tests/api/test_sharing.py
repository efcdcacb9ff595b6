"""`/api/conversations/ID/share`, `/api/shares` and the page behind the link."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from chat import sharing
from chat.models import Conversation, Message, Share
from tests.api.helpers import NOWHERE, answered, error_of
from tests.core.helpers import ask, claim_one

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation(alice: User) -> Conversation:
    return answered(alice, "The answer", prompt="The question").conversation


@pytest.fixture
def shared(post, conversation) -> dict[str, object]:
    return post(f"/api/conversations/{conversation.pk}/share", {}).json()


def page(token: str, **headers: str):
    """As a stranger gets it."""
    return Client().get(f"/share/{token}/", headers=headers)


class TestSharing:
    def test_it_gives_a_link_nobody_can_guess(self, post, conversation) -> None:
        response = post(f"/api/conversations/{conversation.pk}/share", {})
        made = response.json()

        assert response.status_code == 201
        assert len(made["token"]) == 43
        assert made["url"] == f"http://testserver/share/{made['token']}/"
        assert made["conversation"] == str(conversation.pk)
        assert (made["messages"], made["reasoning"]) == (2, False)

    def test_it_needs_no_body(self, api, conversation) -> None:
        response = api.generic("POST", f"/api/conversations/{conversation.pk}/share")

        assert response.status_code == 201

    def test_again_is_a_new_copy_on_the_same_link(
        self, alice, post, conversation, shared
    ) -> None:
        answered(alice, "Later", prompt="More", conversation=conversation.pk)

        response = post(f"/api/conversations/{conversation.pk}/share", {})
        again = response.json()

        assert response.status_code == 200
        assert (again["url"], again["id"]) == (shared["url"], shared["id"])
        assert again["messages"] == 4
        assert again["updated"] > shared["updated"]
        assert "Later" in page(again["token"]).content.decode()

    def test_the_copy_does_not_change_with_the_conversation(
        self, alice, api, conversation, shared
    ) -> None:
        answered(alice, "Later", prompt="More", conversation=conversation.pk)
        Conversation.objects.update(title="Renamed")
        Message.objects.filter(role="user").update(content="Rewritten")

        shown = page(shared["token"]).content.decode()

        assert "The question" in shown
        for word in ("Later", "Renamed", "Rewritten"):
            assert word not in shown

    def test_only_the_active_path_is_copied(self, alice, post, conversation) -> None:
        first = Message.objects.get(role="user")
        Message.objects.create(
            conversation=conversation, role="user", content="Other version"
        )
        Message.objects.create(
            conversation=conversation,
            parent=first,
            role="assistant",
            content="Other answer",
        )

        made = post(f"/api/conversations/{conversation.pk}/share", {}).json()

        assert made["messages"] == 2
        assert "Other" not in page(made["token"]).content.decode()

    def test_thoughts_are_copied_when_asked_for(self, post, conversation) -> None:
        Message.objects.filter(role="assistant").update(reasoning="Hm, let me see")
        path = f"/api/conversations/{conversation.pk}/share"

        plain = post(path, {}).json()
        assert "let me see" not in page(plain["token"]).content.decode()

        assert post(path, {"reasoning": True}).json()["reasoning"] is True
        assert "let me see" in page(plain["token"]).content.decode()

    def test_an_answer_that_is_being_written_is_copied_as_far_as_it_is(
        self, alice, post
    ) -> None:
        job = ask(alice, "Question")
        claim_one()
        type(job).objects.update(text="The beginning")

        made = post(f"/api/conversations/{job.conversation_id}/share", {}).json()

        assert "The beginning" in page(made["token"]).content.decode()

    def test_nothing_is_nothing_to_share(self, alice, post) -> None:
        empty = Conversation.objects.create(owner=alice, updated=timezone.now())

        error = error_of(post(f"/api/conversations/{empty.pk}/share", {}), 400)

        assert error["code"] == "nothing_to_share"

    def test_a_conversation_may_be_too_long(
        self, post, conversation, monkeypatch
    ) -> None:
        for name, limit in (("MAX_CHARS", 10), ("MAX_MESSAGES", 1)):
            with monkeypatch.context() as patch:
                patch.setattr(sharing, name, limit)
                response = post(f"/api/conversations/{conversation.pk}/share", {})
            assert error_of(response, 400)["code"] == "too_long"

    def test_links_are_bounded(self, alice, post, shared, monkeypatch) -> None:
        other = answered(alice).conversation_id
        monkeypatch.setattr(sharing, "MAX_SHARES", 1)

        response = post(f"/api/conversations/{other}/share", {})

        assert error_of(response, 409)["code"] == "too_many_shares"
        assert Share.objects.count() == 1

    def test_two_at_the_same_time_make_one_link(
        self, post, conversation, monkeypatch
    ) -> None:
        """The other one commits between our look and our insert."""
        put, calls = sharing._put, []

        def late(user, row, copy):
            calls.append(row)
            if len(calls) == 1:
                put(user, row, copy)
                raise IntegrityError
            return put(user, row, copy)

        monkeypatch.setattr(sharing, "_put", late)

        response = post(f"/api/conversations/{conversation.pk}/share", {})

        assert response.status_code == 200
        assert Share.objects.count() == 1

    def test_the_database_allows_one_live_link(self, alice, conversation) -> None:
        Share.objects.create(owner=alice, conversation=conversation)

        with pytest.raises(IntegrityError):
            Share.objects.create(owner=alice, conversation=conversation)

    def test_bobs_conversation_is_not_found(self, bobs_api, conversation) -> None:
        for pk in (conversation.pk, NOWHERE):
            response = bobs_api.generic("POST", f"/api/conversations/{pk}/share")
            assert error_of(response, 404)["field"] == "conversation"

    @pytest.mark.parametrize("body", [{"reasoning": 1}, {"bogus": 1}])
    def test_it_names_what_is_wrong(self, post, conversation, body) -> None:
        response = post(f"/api/conversations/{conversation.pk}/share", body)

        assert error_of(response, 400)["field"] in body

    def test_a_site_can_switch_it_off(
        self, api, post, conversation, shared, settings
    ) -> None:
        settings.CHAT_SHARING = False

        response = post(f"/api/conversations/{conversation.pk}/share", {})

        assert error_of(response, 403)["code"] == "sharing_off"
        assert page(shared["token"]).status_code == 404
        assert api.delete(f"/api/shares/{shared['id']}").status_code == 204


class TestList:
    def test_it_lists_ones_own(self, api, bobs_api, shared) -> None:
        assert api.get("/api/shares").json() == {"items": [shared], "next": None}
        assert bobs_api.get("/api/shares").json()["items"] == []

    def test_of_one_conversation(self, alice, api, post, shared) -> None:
        other = answered(alice).conversation_id
        post(f"/api/conversations/{other}/share", {})

        found = api.get("/api/shares", {"conversation": shared["conversation"]})

        assert found.json()["items"] == [shared]
        assert len(api.get("/api/shares").json()["items"]) == 2

    def test_it_does_not_read_the_copies(
        self, api, shared, django_assert_num_queries
    ) -> None:
        with django_assert_num_queries(2) as asked:
            api.get("/api/shares")

        assert all('"content"' not in query["sql"] for query in asked.captured_queries)


class TestRevoking:
    def test_the_link_leads_nowhere(self, api, shared) -> None:
        assert api.delete(f"/api/shares/{shared['id']}").status_code == 204

        assert page(shared["token"]).status_code == 404
        assert api.get("/api/shares").json()["items"] == []
        row = Share.objects.get()
        assert (row.content, row.title) == ([], "")

    def test_twice_is_the_same_as_once(self, api, shared) -> None:
        api.delete(f"/api/shares/{shared['id']}")
        when = Share.objects.get().revoked

        assert api.delete(f"/api/shares/{shared['id']}").status_code == 204
        assert Share.objects.get().revoked == when

    def test_a_new_link_is_another_one(self, api, post, shared) -> None:
        api.delete(f"/api/shares/{shared['id']}")

        again = post(f"/api/conversations/{shared['conversation']}/share", {}).json()

        assert again["token"] != shared["token"]
        assert page(shared["token"]).status_code == 404
        assert page(again["token"]).status_code == 200

    def test_bobs_is_not_found(self, bobs_api, shared) -> None:
        for pk in (shared["id"], NOWHERE):
            error_of(bobs_api.delete(f"/api/shares/{pk}"), 404)
        assert page(shared["token"]).status_code == 200

    def test_the_copy_goes_with_the_conversation(self, api, shared) -> None:
        api.delete(f"/api/conversations/{shared['conversation']}")

        assert page(shared["token"]).status_code == 404

    def test_the_copy_goes_with_the_account(self, alice, shared) -> None:
        alice.delete()

        assert page(shared["token"]).status_code == 404
        assert Share.objects.count() == 0

    def test_a_deactivated_owner_shows_nothing(self, alice, shared) -> None:
        User.objects.filter(pk=alice.pk).update(is_active=False)

        assert page(shared["token"]).status_code == 404


class TestPage:
    @pytest.mark.parametrize(
        "token", ["x", "x" * 43, "x" * 5000, "..", "%00", "a b", "?"]
    )
    def test_what_was_not_given_out_is_not_there(self, db, token) -> None:
        assert page(token).status_code == 404

    def test_anybody_reads_it_without_scripts(self, shared) -> None:
        html = page(shared["token"]).content.decode()

        assert re.search(r'<div class="user-text" dir="auto">The question</div>', html)
        assert re.search(r"<div class=\"prose\"[^>]*>The answer</div>", html)
        assert "<noscript" not in html

    def test_it_tells_nothing_of_the_owner(self, alice, bob, shared) -> None:
        reader = Client()
        reader.force_login(bob)
        response = reader.get(f"/share/{shared['token']}/")
        told = response.content.decode() + str(response.headers)

        for secret in ("alice", "bob", shared["conversation"], shared["id"]):
            assert str(secret) not in told

    def test_it_is_found_by_no_search_engine_and_told_to_nobody(self, shared) -> None:
        response = page(shared["token"])

        assert response["X-Robots-Tag"] == "noindex, nofollow"
        assert '<meta name="robots" content="noindex">' in response.content.decode()
        assert response["Referrer-Policy"] == "no-referrer"
        assert "no-store" in response["Cache-Control"]
        assert response.cookies == {}

    def test_its_policy_allows_nothing_but_to_show(self, shared) -> None:
        policy = page(shared["token"])["Content-Security-Policy"]

        for part in (
            "default-src 'self'",
            "connect-src 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "img-src 'self'",
        ):
            assert part in policy
        assert "unsafe" not in policy

    def test_markup_is_text(self, alice, post) -> None:
        job = answered(alice, "<script>a</script>", prompt="</div><b>")
        Conversation.objects.update(title="<i>t</i>")
        made = post(f"/api/conversations/{job.conversation_id}/share", {}).json()

        html = page(made["token"]).content.decode()

        for markup in ("<script>a", "</div><b>", "<i>t"):
            assert markup not in html
        assert "&lt;script&gt;a&lt;/script&gt;" in html

    def test_it_speaks_the_readers_language(self, shared) -> None:
        html = page(shared["token"], **{"Accept-Language": "zh-CN"}).content.decode()

        assert '<html lang="zh-hans"' in html
        assert "对话副本" in html

    def test_it_only_shows(self, shared) -> None:
        assert Client().post(f"/share/{shared['token']}/").status_code == 405
