"""``deploy/`` as far as it can be checked without a container engine: it refers only to what exists."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.model import training_inputs
from hub.cli import _parser
from hub.store import store_for
from hub.store.mongo import MongoStore
from hub.wiring import read_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if name.startswith(("hub-", "worker-"))}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def text(value: object) -> str:
    """``value`` as Compose would fill it in with ``HUB_DOMAIN`` set."""
    return re.sub(
        r"\$\{(\w+)(?::[-?]([^}]*))?\}",
        lambda m: m[2] if m[1] != "HUB_DOMAIN" else "1022.example.vn",
        str(value),
    )


def test_the_installation_is_the_one_described() -> None:
    assert {name.rsplit("-", 1)[0] for name in SERVICES} == {"mongo", "hub", "worker", "proxy"}
    assert len(OURS) == 4
    assert sum("mongod" in str(service.get("entrypoint")) for service in SERVICES.values()) == 3


@pytest.mark.parametrize("name", SERVICES)
def test_every_reference_of_a_service_exists(name: str) -> None:
    service = SERVICES[name]
    for volume in service.get("volumes", []):
        assert volume.split(":")[0] in COMPOSE["volumes"]
    for kind in ("secrets", "configs"):
        for used in service.get(kind, []):
            assert (used if isinstance(used, str) else used["source"]) in COMPOSE[kind]
    assert set(service.get("networks", [])) <= set(COMPOSE["networks"])
    needs = service.get("depends_on", {})
    assert set(needs) <= set(SERVICES)
    if isinstance(needs, dict):
        for needed, how in needs.items():
            assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[needed]
    if mode := service.get("network_mode"):
        assert mode.removeprefix("service:") in SERVICES
        assert "networks" not in service


def test_nothing_declared_is_unused_and_no_volume_is_shared() -> None:
    volumes = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    assert sorted(volumes) == sorted(COMPOSE["volumes"])
    for kind in ("secrets", "configs", "networks"):
        used = [u if isinstance(u, str) else u["source"] for s in SERVICES.values() for u in s.get(kind, [])]
        assert set(used) == set(COMPOSE[kind])
    for config in COMPOSE["configs"].values():
        assert (DEPLOY / config["file"]).is_file()


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_logs_within_bounds_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert service["restart"] != "no"
    if name != "mongo-init":  # it ends
        assert service["healthcheck"]["test"][0] == "CMD"
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}


@pytest.mark.parametrize("name", OURS)
def test_a_hub_accepts_its_command_and_settings(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    service = OURS[name]
    program, *arguments = service["command"]
    assert program == "hub"
    assert callable(_parser().parse_args(arguments).command)
    assert service["build"]["target"] == name.split("-")[0]
    for key, value in service["environment"].items():
        monkeypatch.setenv(key, text(value))
    (tmp_path / "hub.toml").write_text((DEPLOY / "hub.toml.example").read_text())
    monkeypatch.chdir(tmp_path)
    settings = read_settings()
    assert settings.base_url == "https://1022.example.vn"
    assert settings.data == Path("/data")
    assert any(volume.endswith(":/data") for volume in service["volumes"])
    assert isinstance(store_for(settings.store_url, settings.data), MongoStore)
    assert settings.secret_key.get_secret_value()
    listens = settings.port if name.startswith("hub") else settings.actions_port
    assert str(listens) in " ".join(service["healthcheck"]["test"])


def test_the_store_url_names_the_members_and_the_user_that_are_made() -> None:
    url, script = (DEPLOY / "hub.toml.example").read_text(), (DEPLOY / "mongo-init.js").read_text()
    for n in (1, 2, 3):
        assert f"mongo-{n}:27017" in url
        assert f"mongo-{n}" in SERVICES
        assert "--replSet hub " in " ".join(SERVICES[f"mongo-{n}"]["entrypoint"])
    assert "replicaSet=hub&authSource=hub1022" in url
    assert '_id: "hub"' in script
    assert 'getSiblingDB("hub1022")' in script
    assert 'user: "hub"' in script
    assert set(re.findall(r'secret\("(\w+)"\)', script)) == set(SERVICES["mongo-init"]["secrets"])


def test_the_proxy_reaches_every_hub_and_hides_what_is_inside() -> None:
    caddy = (DEPLOY / "Caddyfile").read_text()
    upstreams = set(re.search(r"reverse_proxy (.*) \{", caddy)[1].split())
    assert upstreams == {
        f"{name}:{SERVICES[name]['environment']['HUB_PORT']}" for name in OURS if "hub" in name
    }
    for name in OURS:
        assert ("front" in SERVICES[name]["networks"]) == name.startswith("hub")
    assert "/metrics" in caddy
    assert "health_uri /readyz" in caddy
    published = [name for name, service in SERVICES.items() if "ports" in service]
    assert published == ["proxy"]


def test_the_dockerfile_copies_what_exists_and_all_that_a_model_is_made_of() -> None:
    copied: set[Path] = set()
    for line in re.findall(r"^COPY (?!--)(.*)$", DOCKERFILE, re.MULTILINE):
        *sources, _ = shlex.split(line)
        copied |= {ROOT / source for source in sources}
    assert all(path.exists() for path in copied)
    assert all(copied & {path, *path.parents} for path in training_inputs())
    targets = set(re.findall(r"^FROM .* AS (\w+)$", DOCKERFILE, re.MULTILINE))
    assert {service["build"]["target"] for service in OURS.values()} <= targets
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignore if line.startswith("!")} == {str(p.relative_to(ROOT)) for p in copied}
    assert "USER hub" in DOCKERFILE
