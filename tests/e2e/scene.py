"""Three services that fail over differently, on a lab whose hosts can partly be fenced: for fault cases and chaos.

One of six instances; one that may run only once, on hosts with a fence device; one with a volume, on hosts without.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.e2e.fencing import docker_device, inventory_with
from tests.e2e.fleet import LabFleet, service

FENCED, PLAIN = ("h3", "h4", "h5"), ("h1", "h2")
INSTANCES = 8


def write_scene(folder: Path, project: str, version: str = "1.0") -> Path:
    """Write the playbook of the three services: web, job, db."""
    image = f"hello:{version}"
    job = {"x-singleton": True, **_kept_off(PLAIN, service(image, replicas=1))}
    db = _kept_off(FENCED, service(replicas=1, volumes=["data:/data"]))
    services = {"web": service(image, replicas=6), "job": job, "db": db}
    path = folder / f"{project}.yaml"
    path.write_text(json.dumps({"name": project, "services": services, "volumes": {"data": {}}}))
    return path


def fenced_inventory(fleet: LabFleet, engine_port: int) -> str:
    """Return the lab's inventory with true devices for the fenced hosts."""
    return inventory_with(fleet, "cases", docker_device(fleet, engine_port), hosts=FENCED)


def _kept_off(hosts: Sequence[str], made: dict[str, Any]) -> dict[str, Any]:
    """Return a service that may not run on some hosts."""
    rules = [f"node.hostname != {host}" for host in hosts]
    return {**made, "deploy": {**made["deploy"], "placement": {"constraints": rules}}}
