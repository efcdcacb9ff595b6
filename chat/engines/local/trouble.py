"""What the libraries raise while a model is loaded, as something one can act on."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import torch
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors import SafetensorError

from chat.engines.base import EngineError

DAMAGED = (
    "{name}: a file is damaged or incomplete ({what}). Delete the model's folder and"
    " download it again."
)
TOKEN_REFUSED = (401, 403)


def hub() -> str:
    """Its address, without a password that may stand in it."""
    parts = urlsplit(constants.ENDPOINT)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def explain(name: str, revision: str | None, error: Exception) -> EngineError:
    """The friendly form, by what is found along `__cause__`: the nearest that says
    something, but that the hub was not to be asked explains all the others."""
    links = list(chain(error))
    if any(isinstance(link, OfflineModeIsEnabled) for link in links):
        return offline(name)
    for link in links:
        if (found := known(name, revision, link)) is not None:
            return found
    return EngineError("model_broken", f"{name} cannot be loaded: {first_line(error)}")


@contextmanager
def explained(name: str, revision: str | None) -> Iterator[None]:
    """Raises nothing but EngineError. A model of this name is loaded within."""
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        raise explain(name, revision, error) from error


def known(name: str, revision: str | None, error: BaseException) -> EngineError | None:
    match error:
        case GatedRepoError():
            return gated(name)
        case RevisionNotFoundError():
            return EngineError(
                "revision_not_found",
                f"{name} has no revision {revision} on the hub: give a branch, a tag"
                " or a commit that it has.",
            )
        case RepositoryNotFoundError():
            return absent(name)
        case HFValidationError():
            return EngineError(
                "model_not_found",
                f"{name} is neither a folder nor a hub id (owner/name).",
            )
        case HfHubHTTPError() if error.response.status_code in TOKEN_REFUSED:
            return refused(name)
        case LocalEntryNotFoundError() | ConnectionError() | HfHubHTTPError():
            return out_of_reach(name)
        case SafetensorError():
            return EngineError("model_broken", DAMAGED.format(name=name, what=error))
        case torch.OutOfMemoryError() | MemoryError():
            return EngineError("out_of_memory", f"{name} does not fit into memory.")
        case OSError():
            return of_the_disk(name, error)
    return out_of_reach(name) if is_connection(error) else None


def offline(name: str) -> EngineError:
    return EngineError(
        "model_not_found",
        f"{name} is not on this machine, and HF_HUB_OFFLINE forbids to fetch it:"
        f" unset that, or copy the model into {constants.HF_HUB_CACHE}, or give the"
        " path of its folder.",
    )


def gated(name: str) -> EngineError:
    return EngineError(
        "model_gated",
        f"{name} is gated: accept its terms at {hub()}/{name}, then set"
        " HF_TOKEN to a token of that account.",
    )


def absent(name: str) -> EngineError:
    advice = "check the name"
    advice += (
        ", and whether the account of HF_TOKEN may see it."
        if os.environ.get("HF_TOKEN")
        else ", or set HF_TOKEN."
    )
    return EngineError(
        "model_not_found",
        f"The hub has no model {name}, or it is private: {advice}",
    )


def refused(name: str) -> EngineError:
    return EngineError(
        "model_gated",
        f"The hub does not give {name} to this account: check HF_TOKEN, and that its"
        f" account has accepted the terms at {hub()}/{name}.",
    )


def out_of_reach(name: str) -> EngineError:
    return EngineError(
        "model_not_found",
        f"{name} is not on this machine and the hub ({hub()}) cannot be"
        " reached: download it first, or give the path of a folder.",
        retryable=True,
    )


def of_the_disk(name: str, error: OSError) -> EngineError | None:
    if error.errno == errno.ENOSPC:
        text = (
            f"The disk is full: make room for {name}, or let HF_HOME name a folder on"
            " another disk."
        )
        return EngineError("disk_full", text)
    if isinstance(error, PermissionError):
        text = f"{name}: {error.filename} may not be read or written by this process."
        return EngineError("model_broken", text)
    return None


def is_connection(error: BaseException) -> bool:
    """The hub client's HTTP library changes its name; its classes do not."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"ConnectError", "TimeoutException", "NetworkError"})


def chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
