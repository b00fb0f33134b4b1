"""The digest that says whether an instance is as wanted, and the environment file it implies.

Decides which fields of a service matter to a running container. Replicas, placement and update
policy do not: changing them restarts nothing. The environment, configs and secrets enter through scrypt, since units
can be read by every user of a host and a plain digest of a short secret can be guessed (ADR 0005).
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from clusterctl.model.service import File, Service
from clusterctl.planning.plain import without_defaults

# What says where and how often, not what: changing it restarts nothing.
NOT_OF_A_CONTAINER = frozenset(
    {
        "mode",
        "replicas",
        "constraints",
        "update",
        "rollback",
        "canary",
        "drain",
        "quorum",
        "depends_on",
        "priority",
        "pull_policy",
        "deploy_labels",
        "preferences",
        "max_per_host",
        "strategy",
    }
)
_ENTERS_OTHERWISE = frozenset({"image", "environment", "name", "files"})


def render_environment(service: Service) -> str:
    """Return the text of the instance's env file (docker run --env-file), names sorted."""
    return "".join(f"{name}={value}\n" for name, value in sorted(service.environment.items()))


def environment_digest(service: Service) -> str:
    """Return the sha256 of the env file; it is compared with the host's and never stored in a unit."""
    return hashlib.sha256(render_environment(service).encode()).hexdigest()


def spec_digest(project: str, service: Service, image: str) -> str:
    """Return the digest of everything that makes a container of this service what it is.

    `image` is the pinned reference (`repository@sha256:…`). What has its default value is left out, so
    that a field added to the model in a later release changes no digest and restarts nothing.
    """
    spec = {
        key: value
        for key, value in without_defaults(service).items()
        if key not in NOT_OF_A_CONTAINER | _ENTERS_OTHERWISE
    }
    spec["image"] = image
    spec["environment"] = _slow_digest(render_environment(service), f"{project}/{service.name}")
    if service.files:
        spec["files"] = [_file(file, f"{project}/{service.name}/{file.name}") for file in service.files]
    return "sha256:" + hashlib.sha256(canonical(spec).encode()).hexdigest()


def _file(file: File, salt: str) -> list[Any]:
    """Return what makes a config or secret what it is; the content as hard to guess as the environment (I9)."""
    return [
        file.kind,
        file.name,
        file.target,
        file.uid,
        file.gid,
        file.mode,
        _slow_digest(file.content, salt),
    ]


def canonical(value: Any) -> str:
    """Return JSON that is the same for the same value: keys sorted, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@lru_cache(maxsize=4096)
def _slow_digest(text: str, salt: str) -> str:
    if not text:
        return ""
    return hashlib.scrypt(text.encode(), salt=salt.encode(), n=4096, r=8, p=1, dklen=32).hex()
