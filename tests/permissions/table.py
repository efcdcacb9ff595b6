"""Who may do what, at every address: one row for each. A new address needs one.

Rows of the site are named by their route and method; `Door` says who gets in. Rows of
the admin are named by their URL's name; each has the ways in, and a way is a set of
permissions, all of which are needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Who(Enum):
    EVERYBODY = "everybody"
    SIGNED_IN = "whoever is signed in, for themselves"
    SESSION = "the same, but no API key"
    OWNER = "whose it is; to others it is not there"
    PAGE = "whoever is signed in; others are sent to the login page"
    OWNERS_PAGE = "the same, and to others it is not there"
    OWNERS_SESSION = "whose it is, but no API key; to others it is not there"
    NOBODYS_PAGE = "a page of somebody signed in, of what they do not have"
    LOGIN = "everybody, and from there to the login page"
    NOBODY = "nobody: it is not there"


@dataclass(frozen=True, slots=True)
class Door:
    who: Who
    body: Any = None
    form: bool = False
    """The body is sent as a form sends it."""
    params: dict[str, str] = field(default_factory=dict)
    """Values of the address, instead of the usual ones."""


ASK = {"prompt": "Hello"}
TOLD = {"model": "scripted", "messages": [{"role": "user", "content": "Hello"}]}
EVERYBODY = Door(Who.EVERYBODY)
SIGNED_IN, OWNER, NOBODY = Door(Who.SIGNED_IN), Door(Who.OWNER), Door(Who.NOBODY)
HAS_NONE = Door(Who.NOBODYS_PAGE)
HAS_NONE_FORM = Door(Who.NOBODYS_PAGE, {}, form=True)
NOBODY_FORM = Door(Who.NOBODY, {}, form=True)
RESPONSE = {"name": "response"}

SITE: dict[tuple[str, str], Door] = {
    # Pages
    ("GET", ""): Door(Who.PAGE),
    ("POST", ""): Door(Who.PAGE, {"prompt": "Hello"}, form=True),
    ("GET", "c/<conversation_id>/"): Door(Who.OWNERS_PAGE),
    ("POST", "c/<conversation_id>/"): Door(Who.OWNERS_PAGE, ASK, form=True),
    ("GET", "settings/"): Door(Who.PAGE),
    ("POST", "settings/"): Door(Who.PAGE, {}, form=True),
    ("POST", "settings/keys/"): Door(Who.PAGE, {"name": "x"}, form=True),
    ("POST", "settings/keys/<key>/revoke/"): Door(Who.OWNERS_PAGE, {}, form=True),
    ("GET", "settings/delete-account/"): Door(Who.PAGE),
    ("POST", "settings/delete-account/"): Door(Who.PAGE, {}, form=True),
    ("GET", "goodbye/"): EVERYBODY,
    ("POST", "i18n/setlang/"): Door(Who.EVERYBODY, {"language": "en"}, form=True),
    ("GET", "image/"): Door(Who.PAGE),
    ("GET", "manifest.webmanifest"): EVERYBODY,
    ("GET", "share/<token>/"): EVERYBODY,
    ("GET", "share/<token>/<picture>/"): EVERYBODY,
    ("GET", "share/<token>/<picture>/thumbnail/"): EVERYBODY,
    ("GET", "accounts/login/"): EVERYBODY,
    ("POST", "accounts/login/"): Door(Who.EVERYBODY, {}, form=True),
    ("POST", "accounts/logout/"): Door(Who.LOGIN, {}, form=True),
    # Without a provider; its own tests tell of one.
    ("GET", "accounts/sso/login/"): NOBODY,
    ("POST", "accounts/sso/login/"): NOBODY_FORM,
    ("GET", "accounts/sso/login/callback/"): NOBODY,
    ("GET", "accounts/2fa/"): EVERYBODY,  # leads to the settings
    # Who gave no password yet is sent back to that; who is in has no use for it.
    ("GET", "accounts/2fa/authenticate/"): Door(Who.PAGE),
    ("POST", "accounts/2fa/authenticate/"): Door(Who.PAGE, {}, form=True),
    ("GET", "accounts/2fa/reauthenticate/"): Door(Who.PAGE),
    ("POST", "accounts/2fa/reauthenticate/"): Door(Who.PAGE, {}, form=True),
    ("GET", "accounts/2fa/totp/activate/"): Door(Who.PAGE),
    ("POST", "accounts/2fa/totp/activate/"): Door(Who.PAGE, {}, form=True),
    # Nobody in this world has any.
    ("GET", "accounts/2fa/totp/deactivate/"): HAS_NONE,
    ("POST", "accounts/2fa/totp/deactivate/"): HAS_NONE_FORM,
    ("GET", "accounts/2fa/recovery-codes/"): HAS_NONE,
    ("GET", "accounts/2fa/recovery-codes/generate/"): Door(Who.PAGE),
    ("POST", "accounts/2fa/recovery-codes/generate/"): Door(Who.PAGE, {}, form=True),
    ("GET", "accounts/2fa/recovery-codes/download/"): HAS_NONE,
    ("GET", "accounts/inactive/"): EVERYBODY,
    ("GET", "invite/<token>/"): Door(Who.EVERYBODY, params={"token": "invite"}),
    ("POST", "invite/<token>/"): Door(
        Who.EVERYBODY, {}, form=True, params={"token": "invite"}
    ),
    ("GET", "accounts/signup/"): EVERYBODY,
    ("POST", "accounts/signup/"): Door(Who.EVERYBODY, {}, form=True),
    ("GET", "accounts/reauthenticate/"): Door(Who.PAGE),
    ("POST", "accounts/reauthenticate/"): Door(Who.PAGE, {}, form=True),
    ("GET", "accounts/email/"): Door(Who.PAGE),
    ("POST", "accounts/email/"): Door(Who.PAGE, {}, form=True),
    ("GET", "accounts/confirm-email/"): EVERYBODY,
    ("GET", "accounts/confirm-email/<key>/"): EVERYBODY,
    ("POST", "accounts/confirm-email/<key>/"): NOBODY_FORM,
    ("GET", "accounts/password/change/"): Door(Who.PAGE),
    ("POST", "accounts/password/change/"): Door(Who.PAGE, {}, form=True),
    ("GET", "accounts/password/reset/"): EVERYBODY,
    ("POST", "accounts/password/reset/"): Door(Who.EVERYBODY, {}, form=True),
    ("GET", "accounts/password/reset/done/"): EVERYBODY,
    ("GET", "accounts/password/reset/key/<uidb36>-<key>/"): EVERYBODY,
    ("POST", "accounts/password/reset/key/<uidb36>-<key>/"): Door(
        Who.EVERYBODY, {}, form=True
    ),
    ("GET", "accounts/password/reset/key/done/"): EVERYBODY,
    ("GET", "healthz"): EVERYBODY,
    # From here; its own tests tell of other hosts and of the token.
    ("GET", "metrics"): EVERYBODY,
    ("GET", "readyz"): EVERYBODY,
    # OpenAI
    ("GET", "v1/"): NOBODY,
    ("GET", "v1/openapi.json"): EVERYBODY,
    ("POST", "v1/images/generations"): Door(Who.SIGNED_IN, ASK),
    ("POST", "v1/chat/completions"): Door(Who.SIGNED_IN, TOLD),
    ("GET", "v1/models"): SIGNED_IN,
    ("GET", "v1/models/<model>"): SIGNED_IN,
    ("POST", "v1/responses"): Door(
        Who.SIGNED_IN, {"model": "scripted", "input": "Hello"}
    ),
    ("GET", "v1/responses/<name>"): Door(Who.OWNER, params=RESPONSE),
    ("DELETE", "v1/responses/<name>"): Door(Who.OWNER, params=RESPONSE),
    ("POST", "v1/responses/<name>/cancel"): Door(Who.OWNER, params=RESPONSE),
    # DashScope
    ("GET", "api/v1/"): NOBODY,
    ("GET", "api/v1/openapi.json"): EVERYBODY,
    ("POST", "api/v1/services/aigc/text-generation/generation"): Door(
        Who.SIGNED_IN,
        {"model": "scripted", "input": {"messages": TOLD["messages"]}},
    ),
    # Native
    ("GET", "api/"): NOBODY,
    ("GET", "^(?:api|v1)/"): NOBODY,
    ("GET", "api/openapi.json"): EVERYBODY,
    ("GET", "api/docs"): EVERYBODY,
    ("POST", "api/chat"): Door(Who.SIGNED_IN, ASK),
    ("POST", "api/chat/stream"): Door(Who.SIGNED_IN, ASK),
    ("POST", "api/images"): Door(Who.SIGNED_IN, ASK),
    ("POST", "api/images/stream"): Door(Who.SIGNED_IN, ASK),
    # Without a signature; its own tests tell of those.
    ("GET", "api/images/<picture>"): OWNER,
    ("GET", "api/images/<picture>/thumbnail"): OWNER,
    ("POST", "api/messages/<message>/regenerate"): Door(Who.OWNER, {}),
    ("POST", "api/messages/<message>/continue"): Door(Who.OWNER, {}),
    ("POST", "api/messages/<message>/edit"): Door(
        Who.OWNER, ASK, params={"message": "question"}
    ),
    ("GET", "api/generations/<generation>"): OWNER,
    ("POST", "api/generations/<generation>/stop"): OWNER,
    ("GET", "api/generations/<generation>/stream"): OWNER,
    ("GET", "api/conversations"): SIGNED_IN,
    ("POST", "api/conversations"): Door(Who.SIGNED_IN, {}),
    ("GET", "api/conversations/<conversation>"): OWNER,
    ("PATCH", "api/conversations/<conversation>"): Door(Who.OWNER, {"pinned": True}),
    ("DELETE", "api/conversations/<conversation>"): OWNER,
    ("POST", "api/conversations/<conversation>/restore"): Door(
        Who.OWNER, params={"conversation": "deleted"}
    ),
    ("GET", "api/tags"): SIGNED_IN,
    ("GET", "api/conversations/<conversation>/messages"): OWNER,
    ("GET", "api/conversations/<conversation>/context"): OWNER,
    ("PUT", "api/messages/<message>/feedback"): Door(Who.OWNER, {"rating": 1}),
    ("POST", "api/conversations/<conversation>/share"): OWNER,
    ("GET", "api/shares"): SIGNED_IN,
    ("DELETE", "api/shares/<share>"): OWNER,
    ("GET", "api/export"): SIGNED_IN,
    ("GET", "api/conversations/<conversation>/export"): OWNER,
    ("POST", "api/import"): Door(Who.SIGNED_IN, {"conversations": []}),
    ("GET", "api/templates"): SIGNED_IN,
    ("POST", "api/templates"): Door(Who.SIGNED_IN, {"name": "x", "text": "y"}),
    ("PATCH", "api/templates/<template>"): Door(Who.OWNER, {"name": "z"}),
    ("DELETE", "api/templates/<template>"): OWNER,
    ("GET", "api/models"): SIGNED_IN,
    ("GET", "api/keys"): SIGNED_IN,
    ("POST", "api/keys"): Door(Who.SESSION, {"name": "x"}),
    ("DELETE", "api/keys/<key>"): Door(Who.OWNERS_SESSION),
    ("GET", "api/settings"): Door(Who.SESSION),
    ("PATCH", "api/settings"): Door(Who.SESSION, {"theme": "dark"}),
}

Ways = tuple[str, ...]
STAFF: Ways = ("",)
"""Every member of the staff."""
SUPERUSER: Ways = ("superuser",)
NEVER: Ways = ()
"""Nobody, superusers included."""


def model(
    name: str,
    *,
    view: Ways,
    change: Ways = NEVER,
    add: Ways = NEVER,
    add_page: Ways | None = None,
    delete: Ways = NEVER,
) -> dict[tuple[str, str], Ways]:
    """The usual pages of one model's admin."""
    seen = (*view, *change)
    return {
        ("GET", f"{name}_changelist"): seen,
        ("POST", f"{name}_changelist"): seen,
        ("GET", f"{name}_add"): add_page if add_page is not None else add,
        ("POST", f"{name}_add"): add,
        ("GET", f"{name}_change"): seen,
        ("POST", f"{name}_change"): change,
        ("GET", f"{name}_history"): seen,
        ("GET", f"{name}_delete"): delete,
        ("POST", f"{name}_delete"): delete,
    }


def read_only(name: str, *also: str, delete: Ways = NEVER, add: Ways = NEVER) -> Any:
    """Whoever may see it sees it; for Django, who may change it may see it, too."""
    view = (f"chat.view_{name}", *also)
    if name not in WITHOUT_CHANGE:
        view = (*view, f"chat.change_{name}")
    return model(f"chat_{name}", view=view, delete=delete, add=add)


def usual(app: str, name: str, **more: Ways) -> dict[tuple[str, str], Ways]:
    """As Django has it: a permission for each."""
    return model(
        f"{app}_{name}",
        **{
            "view": (f"{app}.view_{name}",),
            "change": (f"{app}.change_{name}",),
            "add": (f"{app}.add_{name}",),
            "delete": (f"{app}.delete_{name}",),
            **more,
        },
    )


LIVE = ("chat.view_generation", "chat.change_generation")
WITHOUT_CHANGE = ("auditentry", "hold")
TAKE = (
    *("auth.view_user chat.review_conversation",),
    *("auth.change_user chat.review_conversation",),
)
CHANGE_USER = ("auth.change_user",)

ADMIN: dict[tuple[str, str], Ways] = {
    ("GET", "index"): STAFF,
    ("GET", "password_change"): STAFF,
    ("POST", "password_change"): STAFF,
    ("GET", "password_change_done"): STAFF,
    ("GET", "jsi18n"): STAFF,
    ("POST", "logout"): STAFF,
    ("GET", "autocomplete"): ("auth.view_user", "auth.change_user"),
    **usual("auth", "group"),
    **usual("auth", "user", add=("auth.add_user auth.change_user",)),
    ("GET", "auth_user_password_change"): CHANGE_USER,
    ("POST", "auth_user_password_change"): CHANGE_USER,
    **{(name, "auth_user_export"): TAKE for name in ("GET", "POST")},
    **usual("chat", "quota"),
    **read_only("apikey", add=SUPERUSER, delete=("chat.delete_apikey",)),
    **read_only("auditentry"),
    **read_only(
        *("conversation", "chat.review_conversation"),
        delete=("chat.delete_conversation",),
    ),
    ("GET", "chat_conversation_reason"): ("chat.review_conversation",),
    ("POST", "chat_conversation_reason"): ("chat.review_conversation",),
    ("GET", "chat_conversation_picture"): ("chat.review_conversation",),
    ("GET", "chat_conversation_thumbnail"): ("chat.review_conversation",),
    ("POST", "chat_conversation_review"): (
        *("chat.view_conversation chat.change_flag",),
        *("chat.review_conversation chat.change_flag",),
        *("chat.change_conversation chat.change_flag",),
    ),
    **read_only("feedback"),
    **read_only("flag"),
    **read_only("generation"),
    **read_only("guardfinding"),
    **usual("chat", "guardrule"),
    ("GET", "chat_generation_live"): LIVE,
    ("POST", "chat_generation_live"): ("chat.change_generation",),
    **read_only("hold", add=("chat.add_hold",), delete=("chat.delete_hold",)),
    **read_only("invite", add=("chat.add_invite",)),
    **read_only("picture"),
    **read_only("share"),
    ("GET", "chat_traffic_changelist"): ("chat.view_traffic",),
    ("GET", "chat_usage_changelist"): ("chat.view_usage", "chat.change_usage"),
}
"""By method and name of the URL, without the namespace."""

UNTOLD = {
    ("", "login"),  # for everybody, as the site's own
    ("", "view_on_site"),  # no model has a place of its own: 404
    ("", "app_list"),  # what staff may see of it
}
"""Of the admin: what asks for no permission of ours."""

SOCKET = {"watch": Who.OWNER, "stop": Who.OWNER, "unwatch": Who.SIGNED_IN}
SOCKET["ping"] = Who.SIGNED_IN
