"""What an answer costs each part of a site, by the processor's clock.

    python -m bench.roles [--streams 100] [--rate 20] [--tokens 300]

A web process, a runner, a PostgreSQL and a Redis of their own; the scripted engine is
behind HTTP, in a process apart. First many short answers, one after the other: what is
left is a start and an end. Then streams: what they cost beyond that is the tokens'.
docs/capacity.md counts with it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import uvloop

from tests.drills.cluster import SETTINGS, Cluster, served, stored

from .readers import Load, Target, read_all
from .server import serve_upstream
from .table import table

ROLES = {"web": "web", "runner": "runner"}
STARTS = Load(streams=300, tokens=1, rate=0, starts=30)


def processes(cluster: Cluster) -> dict[str, list[psutil.Process]]:
    found = {name: [psutil.Process(m.pid)] for name, m in cluster.members.items()}
    server = psutil.Process(postmaster(cluster))
    found["PostgreSQL"] = [server, *server.children()]
    return found


def postmaster(cluster: Cluster) -> int:
    assert cluster.postgres is not None
    [(folder,)] = cluster.postgres.sql("SHOW data_directory")
    return int((Path(folder) / "postmaster.pid").read_text().split()[0])


def used(cluster: Cluster) -> dict[str, float]:
    """Seconds of processor time of each so far. PostgreSQL's server takes over what
    connections used that are closed by now."""
    assert cluster.redis is not None
    spent = {}
    for name, some in processes(cluster).items():
        times = [process.cpu_times() for process in some]
        spent[name] = sum(t.user + t.system for t in times)
        if name == "PostgreSQL":
            spent[name] += times[0].children_user + times[0].children_system
    with cluster.redis.client() as client:
        cpu = client.info("cpu")
    spent["Redis"] = float(cpu["used_cpu_user"] + cpu["used_cpu_sys"])
    return spent


def spent_by(cluster: Cluster, load: Load) -> dict[str, float]:
    target = Target(cluster["web"].url, keys=[cluster.keys["alice"]])
    before = used(cluster)
    streams = uvloop.run(read_all(target, load))
    complete = sum(stream.is_complete(load.tokens) for stream in streams)
    assert complete == load.streams, f"only {complete} of {load.streams} are complete"
    return {name: seconds - before[name] for name, seconds in used(cluster).items()}


def measure(load: Load) -> list[tuple[str, float, float]]:
    """Of each part: milliseconds a start, microseconds a token."""
    with serve_upstream() as upstream:
        env = {**SETTINGS, "CHAT_MODEL": upstream.model, "CHAT_LEASE_SECONDS": "15"}
        env |= {"CHAT_BASE_URL": f"{upstream.url}/v1", "CHAT_CHECKPOINT_SECONDS": "1"}
        with stored(ROLES, env) as cluster:
            cluster.prepare()
            with served(cluster):
                spent_by(cluster, STARTS)  # warm
                starts = spent_by(cluster, STARTS)
                whole = spent_by(cluster, load)
    rows = []
    for name, seconds in whole.items():
        start = starts[name] / STARTS.streams
        token = (seconds - start * load.streams) / (load.streams * load.tokens)
        rows.append((name, round(start * 1000, 2), round(token * 1_000_000, 1)))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--rate", type=float, default=20)
    options = parser.parse_args()
    load = Load(options.streams, options.tokens, options.rate, starts=30)
    print(table(["", "CPU ms a start", "CPU µs a token"], measure(load)))


if __name__ == "__main__":
    main()
