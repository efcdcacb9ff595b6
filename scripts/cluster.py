"""Chatsite as it is deployed, on this machine, for as long as it is looked at.

    make cluster

nginx with the configuration in deploy/nginx at HOST:PORT (of the loopback), two web
and two runner processes, a PostgreSQL and a Redis: all its own, in temporary folders,
and gone with it. Ctrl-C ends them in order: nobody is let in any more, what runs is
handed over, then what it was kept in. Drills and `bench.cluster` use the same parts.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import threading

from tests.drills.cluster import Cluster, served, stored
from tests.drills.servers import nginx
from tests.processes import output

ROLES = {"web1": "web", "web2": "web", "runner1": "runner", "runner2": "runner"}
LOOK_SECONDS = 0.5


def settings() -> dict[str, str]:
    """What the processes need; what else is set in the environment counts as well."""
    static = os.environ.get("STATIC_ROOT", "var/static")
    return {
        "DJANGO_SETTINGS_MODULE": "chatsite.settings",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "STATIC_ROOT": static,
    }


def watch(cluster: Cluster, ended: threading.Event) -> int:
    """Until it is told to end, or one of them ends by itself."""
    while not ended.wait(LOOK_SECONDS):
        for member in cluster.members.values():
            if not member.lives:
                print(f"{member.name} ended:\n{member.log.read_text()}")
                return 1
    return 0


def main() -> int:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with stored(ROLES, settings()) as cluster:
        cluster.prepare(people=())
        print(output("manage.py", "ensure_admin", env=cluster.env), end="")
        ports = [member.port for member in cluster.web]
        port = int(os.environ.get("PORT", "8000"))
        with served(cluster), nginx(cluster.folder, ports, port) as proxy:
            for member in cluster.members.values():
                at = "" if member.role == "runner" else f" at {member.url}"
                print(f"  {member.name}: process {member.pid}{at}")
            print(f"{proxy.url} (Ctrl-C ends it; logs: {cluster.folder})", flush=True)
            code = watch(cluster, ended)
            print("Ending", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
