"""`/api/models` and `/api/keys`."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from ..errors import NotFoundError
from ..limits.offered import models_for
from ..models import ApiKey
from ..observe import probes
from ..people import keys
from .auth import caller_of
from .schemas import KeyIn
from .shown import KeyOut, KeyPage, ModelPage, NewKeyOut

router = Router(tags=["account"])


@router.get("/models", response=ModelPage)
def list_models(request: HttpRequest) -> dict[str, Any]:
    """Those the caller may use. `state`: null where other processes have the engine."""
    states = probes.states()
    known = models_for(caller_of(request))
    first = {info.kind: info.id for info in reversed(known)}
    return {
        "items": [
            {
                "id": info.id,
                "label": info.label,
                "kind": info.kind,
                "default": info.id == first[info.kind],
                "demo": info.demo,
                "context_tokens": info.context_tokens,
                "continues": info.continues,
                "state": states[info.id].name if info.id in states else None,
            }
            for info in known
        ]
    }


@router.get("/keys", response=KeyPage)
def list_keys(request: HttpRequest) -> dict[str, Any]:
    """Those not revoked, without the keys themselves: a key is shown once."""
    rows = ApiKey.objects.owned_by(caller_of(request)).filter(revoked=None)
    return {"items": list(rows)}


@router.post("/keys", response={201: NewKeyOut})
def create_key(request: HttpRequest, body: KeyIn) -> Any:
    """With a session only: a key cannot make keys. `key` is shown this once."""
    user = caller_of(request)
    row, key = keys.issue(user, body.name, body.scopes, body.expires)
    return Status(201, KeyOut.from_orm(row).model_dump() | {"key": key})


@router.delete("/keys/{int:key}", response={204: None})
def revoke_key(request: HttpRequest, key: int) -> HttpResponse:
    """Revoke it, with a session only. It opens nothing any more."""
    row = ApiKey.objects.owned_by(caller_of(request)).filter(pk=key).first()
    if row is None:
        raise NotFoundError("key")
    keys.revoke(row)
    return HttpResponse(status=204)
