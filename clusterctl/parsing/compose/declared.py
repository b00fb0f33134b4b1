"""What the top of a file declares (volumes, networks, configs, secrets) brought to the services that use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterctl.model.inventory import Policy
from clusterctl.model.service import Service
from clusterctl.parsing.compose.allow import check_privileges
from clusterctl.parsing.compose.files import check_sizes, with_contents
from clusterctl.parsing.compose.networks import check_addresses, with_networks
from clusterctl.parsing.compose.volumes import with_volumes
from clusterctl.parsing.cursor import Cursor


def declared_in(root: Cursor) -> dict[str, Any]:
    """Return the names that the file declares, as `Context` takes them: services may be read before them."""

    def names(section: str) -> frozenset[str]:
        value = root.value.get(section)
        return frozenset(entry.key for entry in value.entries) if value else frozenset()

    return {
        "volumes": names("volumes"),
        "networks": names("networks"),
        "files": {section: names(section) for section in ("configs", "secrets")},
    }


def services_of(root: Cursor, keys: Mapping[str, Any], project: str, policy: Policy) -> tuple[Service, ...]:
    """Return the services with what is declared of all they use; notes what the policy does not allow them."""
    contents = {"config": keys.get("configs") or {}, "secret": keys.get("secrets") or {}}
    services = tuple(
        with_contents(
            with_networks(with_volumes(service, keys.get("volumes") or {}), keys.get("networks") or {}),
            contents,  # type: ignore[arg-type]  # a dict of these very keys
        )
        for service in keys.get("services") or ()
    )
    check_sizes(root, services)
    for entry in root.value.entries:
        if entry.key == "services":
            check_privileges(root.at(entry), services, project, policy)
            check_addresses(root.at(entry), services)
    return services
