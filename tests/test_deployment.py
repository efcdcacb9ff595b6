"""`deploy/` fits the site it deploys, and nginx, systemd and others can read it."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from django.conf import settings
from django.urls import resolve

from chat.engines.remote.config import from_file
from chat.observe import metrics_page
from chatsite.env import Env
from tests.drills.servers import make_certificate, nginx_in
from tests.serving import free_port

ROOT = Path(settings.ROOT)
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
OTHERS = {
    # uvicorn's, Hugging Face's, Prometheus', Python's and our commands' own.
    *("FORWARDED_ALLOW_IPS", "HF_HOME", "PROMETHEUS_MULTIPROC_DIR", "PATH"),
    *("PYTHONUNBUFFERED", "CHAT_ADMIN_PASSWORD", "POD_IP"),
    # boto3's.
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
}
KNOWN = set(Env.model_fields) | OTHERS
PINNED = re.compile(r"[\w./-]+:v?\d+(\.\d+)+[\w.-]*")
HANDOVER_SECONDS = Env.model_fields["CHAT_GRACE_SECONDS"].default + 10


def leads_somewhere(path: str) -> bool:
    return resolve(path).func.__module__ != "chat.api.errors"


class TestNginx:
    def test_nginx_takes_the_configuration(self, tmp_path: Path) -> None:
        """All of it but the ports and the certificate."""
        folder = tmp_path / "nginx"
        shutil.copytree(DEPLOY / "nginx", folder)
        make_certificate(folder)
        servers = folder / "servers.conf"
        text = re.sub(r"/etc/nginx/tls/fullchain", "cert", servers.read_text())
        text = re.sub(r"/etc/nginx/tls/privkey", "key", text)
        text = re.sub(r"listen (80|443)", lambda _: f"listen {free_port()}", text)
        servers.write_text(text)

        done = subprocess.run(
            [*nginx_in(folder), "-t", "-g", f"pid {tmp_path}/pid;"],
            capture_output=True,
            text=True,
        )

        assert done.returncode == 0, done.stderr
        assert "warn" not in done.stderr

    def test_it_waits_longer_than_a_heartbeat(self) -> None:
        text = "".join(path.read_text() for path in (DEPLOY / "nginx").iterdir())

        waits = [int(seconds) for seconds in re.findall(r"read_timeout (\d+)s", text)]

        heartbeat = Env.model_fields["CHAT_HEARTBEAT_SECONDS"].default
        assert min(waits) > 2 * heartbeat

    def test_bodies_fit_that_the_site_takes(self) -> None:
        general = (DEPLOY / "nginx" / "nginx.conf").read_text()
        files = (DEPLOY / "nginx" / "locations.conf").read_text()

        def most(text: str) -> int:
            [size] = re.findall(r"client_max_body_size (\d+)m", text)
            return int(size) * 2**20

        assert most(general) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        assert most(files) > Env.model_fields["CHAT_MAX_IMPORT_MB"].default * 2**20


class TestDockerfile:
    def lines(self) -> list[list[str]]:
        text = re.sub(
            r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE
        )
        return [
            line.split(maxsplit=1)
            for line in text.replace("\\\n", " ").splitlines()
            if line
        ]

    def of(self, name: str) -> list[str]:
        return [rest for word, rest in self.lines() if word == name]

    def copied(self) -> Iterator[str]:
        """From the repository."""
        for rest in self.of("COPY"):
            if not rest.startswith("--from"):
                yield from shlex.split(rest)[:-1]

    def test_what_it_copies_is_there_and_is_sent(self) -> None:
        sent = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        wanted = [line.removeprefix("!") for line in sent if line.startswith("!")]

        for path in self.copied():
            tracked = subprocess.run(
                ["git", "ls-files", path], cwd=ROOT, capture_output=True, check=True
            )
            assert tracked.stdout, path
            assert any(fnmatch(path, pattern) for pattern in wanted), path

    def test_it_copies_all_that_the_site_imports(self) -> None:
        packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}

        assert {"chat", "chatsite"} <= set(self.copied())
        # Nothing of what serves needs the others; `benchmark_engine` says that it does.
        for package in packages - {"chat", "chatsite"}:
            pattern = rf"^(from|import) {package}\b"
            used = subprocess.run(
                ["git", "grep", "-lE", pattern, "--", "chat", "chatsite"],
                cwd=ROOT,
                capture_output=True,
                text=True,
            )
            assert used.stdout == ""

    def test_it_sets_variables_that_are_read(self) -> None:
        names = set(re.findall(r"\b([A-Z_]+)=", " ".join(self.of("ENV"))))

        assert names
        assert names <= KNOWN

    def test_it_serves_as_nobody_and_says_how_it_is(self) -> None:
        [user] = self.of("USER")
        [check] = self.of("HEALTHCHECK")
        [command] = self.of("CMD")
        [port] = self.of("EXPOSE")
        [url] = re.findall(r"http://[^']+", check)

        assert user not in ("root", "0")
        assert leads_somewhere(urlsplit(url).path)
        assert urlsplit(url).port == int(port)
        assert f'"--port", "{port}"' in command
        assert '"chatsite.asgi:application"' in command

    def test_its_images_are_pinned(self) -> None:
        images = [rest for rest in self.of("ARG") if "_IMAGE=" in rest]

        assert images
        for image in images:
            assert PINNED.fullmatch(image.partition("=")[2])


class TestCompose:
    text = (DEPLOY / "compose.yaml").read_text()
    services: dict[str, Any] = yaml.safe_load(text)["services"]

    def test_it_has_the_whole_site(self) -> None:
        parts = {"web", "runner", "postgres", "redis", "nginx", "vllm", "migrate"}

        assert set(self.services) == parts
        assert self.services["vllm"]["profiles"] == ["vllm"]
        assert self.services["web"]["environment"]["CHAT_ROLE"] == "web"
        assert self.services["runner"]["environment"]["CHAT_ROLE"] == "runner"

    @pytest.mark.parametrize("name", sorted(services))
    def test_its_images_are_pinned(self, name: str) -> None:
        image = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", self.services[name]["image"])

        assert PINNED.fullmatch(image)

    @pytest.mark.parametrize("name", ["web", "runner", "migrate"])
    def test_it_sets_variables_that_are_read(self, name: str) -> None:
        assert set(self.services[name]["environment"]) <= KNOWN

    def test_what_has_to_be_filled_in_is_in_the_example(self) -> None:
        example = (DEPLOY / "compose.env.example").read_text()
        names = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
        needed = set(re.findall(r"\$\{(\w+):\?", self.text))

        assert needed <= names
        assert names - needed <= KNOWN

    def test_the_files_it_mounts_are_there(self) -> None:
        mounted = re.findall(r"- (\./[^:]+):", self.text)

        assert mounted
        assert [path for path in mounted if not (DEPLOY / path).exists()] == []

    def test_nginx_asks_the_web_service(self) -> None:
        upstream = (DEPLOY / "nginx" / "upstream.compose.conf").read_text()
        [expose] = TestDockerfile().of("EXPOSE")

        assert re.findall(r"server (\S+)", upstream) == [f"web:{expose}"]

    def test_nobody_is_killed_before_the_handover(self) -> None:
        for name in ("web", "runner"):
            grace = int(self.services[name]["stop_grace_period"].removesuffix("s"))
            assert grace > HANDOVER_SECONDS


class TestSystemd:
    @pytest.fixture
    def installed(self, tmp_path: Path) -> list[Path]:
        """With this repository as /opt/chatsite."""
        copies = []
        for unit in UNITS:
            copy = tmp_path / unit.name.replace("@.", "@8001.")
            copy.write_text(unit.read_text().replace("/opt/chatsite", str(ROOT)))
            copies.append(copy)
        return copies

    def test_systemd_takes_the_units(self, installed: list[Path]) -> None:
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *map(str, installed)],
            capture_output=True,
            text=True,
        )

        names = [path.name for path in installed]
        complaints = done.stderr.splitlines()
        assert [line for line in complaints if any(n in line for n in names)] == []

    @pytest.mark.parametrize("unit", UNITS[:2], ids=lambda path: path.name)
    def test_services_are_run_well(self, unit: Path) -> None:
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(unit.read_text())
        service = parser["Service"]
        names = re.findall(r"^Environment=(\w+)=", unit.read_text(), re.MULTILINE)

        assert set(names) <= KNOWN
        assert service["User"] != "root"
        assert int(service["TimeoutStopSec"]) > HANDOVER_SECONDS
        assert {"NoNewPrivileges", "ProtectSystem", "PrivateTmp"} <= set(service)


DOCUMENTS = [
    document
    for path in MANIFESTS
    if path.name not in ("kustomization.yaml", "metrics-adapter.yaml")
    for document in yaml.safe_load_all(path.read_text())
]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    found = [document for document in DOCUMENTS if document["kind"] == kind]
    return {document["metadata"]["name"]: document for document in found}


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = of_kind("Deployment")[name]["spec"]["template"]["spec"]
    return spec


def kustomization() -> dict[str, Any]:
    text = (DEPLOY / "kubernetes" / "kustomization.yaml").read_text()
    found: dict[str, Any] = yaml.safe_load(text)
    return found


class TestKubernetes:
    def test_kustomize_lists_every_manifest(self) -> None:
        listed = kustomization()
        apart = {"kustomization.yaml", "metrics-adapter.yaml"}

        assert set(listed["resources"]) == {path.name for path in MANIFESTS} - apart

    def test_each_has_a_kind_and_a_name_of_its_own(self) -> None:
        names = [(each["kind"], each["metadata"]["name"]) for each in DOCUMENTS]

        assert all(each["apiVersion"] for each in DOCUMENTS)
        assert len(set(names)) == len(names)

    @pytest.mark.parametrize("name", ["web", "runner"])
    def test_probes_ask_for_what_there_is(self, name: str) -> None:
        [container] = pod(name)["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        [expose] = TestDockerfile().of("EXPOSE")
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            asked = container[kind]["httpGet"]
            assert leads_somewhere(asked["path"])
            assert ports[asked["port"]] == int(expose)
        # One that waits for its database must not be killed for it.
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"

    @pytest.mark.parametrize("name", ["web", "runner"])
    def test_prometheus_is_told_where_to_ask(self, name: str) -> None:
        template = of_kind("Deployment")[name]["spec"]["template"]
        notes = template["metadata"]["annotations"]

        assert leads_somewhere(notes["prometheus.io/path"])

    @pytest.mark.parametrize("name", ["web", "runner"])
    def test_nobody_is_killed_before_the_handover(self, name: str) -> None:
        spec = pod(name)
        before = spec["containers"][0].get("lifecycle", {}).get("preStop")
        pause = int(before["exec"]["command"][1]) if before else 0

        assert spec["terminationGracePeriodSeconds"] > HANDOVER_SECONDS + pause

    def test_it_sets_variables_that_are_read(self) -> None:
        shared = set(of_kind("ConfigMap")["chatsite"]["data"])
        own = {
            variable["name"]
            for name in ("web", "runner")
            for variable in pod(name)["containers"][0]["env"]
        }
        example = DEPLOY / "kubernetes" / "secrets.env.example"
        secret = set(re.findall(r"^([A-Z_]+)=", example.read_text(), re.MULTILINE))

        assert shared | own | secret <= KNOWN

    def test_its_models_can_be_read(self, tmp_path: Path) -> None:
        file = tmp_path / "models.toml"
        file.write_text(of_kind("ConfigMap")["chatsite-models"]["data"][file.name])

        [engine] = from_file(file)

        assert len(engine.base_urls) == 2

    def test_all_run_as_nobody(self) -> None:
        pods = [pod(name) for name in of_kind("Deployment")]
        pods += [job["spec"]["template"]["spec"] for job in of_kind("Job").values()]

        for spec in pods:
            assert spec["securityContext"]["runAsNonRoot"]
            for container in spec["containers"]:
                assert not container["securityContext"]["allowPrivilegeEscalation"]

    def test_images_are_pinned(self) -> None:
        listed = kustomization()
        tags = {image["name"]: image["newTag"] for image in listed["images"]}

        for name in of_kind("Deployment"):
            [container] = pod(name)["containers"]
            image = container["image"]
            assert PINNED.fullmatch(
                f"{image}:{tags[image]}" if image in tags else image
            )

    def test_whoever_is_selected_is_there(self) -> None:
        labels = {
            tuple(each["spec"]["template"]["metadata"]["labels"].items())
            for each in of_kind("Deployment").values()
        }
        chosen = [
            *(each["spec"]["selector"] for each in of_kind("Service").values()),
            *(
                each["spec"]["selector"]["matchLabels"]
                for each in of_kind("PodDisruptionBudget").values()
            ),
        ]

        assert set(of_kind("PodDisruptionBudget")) == {"web", "runner"}
        assert [one for one in chosen if tuple(one.items()) not in labels] == []

    @pytest.mark.django_db
    def test_runners_follow_a_number_that_is_exported(self) -> None:
        from_file = (DEPLOY / "kubernetes" / "metrics-adapter.yaml").read_text()
        [rule] = yaml.safe_load(from_file)["rules"]["external"]
        scaler = of_kind("HorizontalPodAutoscaler")["runner"]["spec"]
        [wanted] = scaler["metrics"]
        metric = wanted["external"]["metric"]["name"]
        each = int(wanted["external"]["target"]["averageValue"])
        most = int(of_kind("ConfigMap")["chatsite"]["data"]["CHAT_MAX_RUNNING"])

        assert rule["name"]["as"] == metric
        assert exported(rule["seriesQuery"])
        [counted] = re.findall(r'status=~"(.*?)"', rule["metricsQuery"])
        assert set(counted.split("|")) == {"queued", "running"}
        assert scaler["scaleTargetRef"]["name"] in of_kind("Deployment")
        # A new one is there before the others are full.
        assert each < most


def exported(query: str) -> bool:
    from_page = metrics_page.page().decode()
    return f"# TYPE {query.partition('{')[0]} " in from_page
