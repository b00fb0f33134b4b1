"""Keys that Compose has and we do not (Compose Specification, 2025), so that they are told from slips."""

from __future__ import annotations

_TOP = "jobs models"
_SERVICE = """
    models pre_start provider pull_refresh_after umask
"""
_BELOW = {
    "configs.*": "template_driver",
    "networks.*.ipam": "options",
    "networks.*.ipam.config[]": "aux_addresses",
    "secrets.*": "driver driver_opts template_driver",
    "services.*.deploy.resources.reservations.devices[]": "options",
    "services.*.gpus[]": "options",
    "services.*.networks.*": "driver_opts gw_priority interface_name link_local_ips mac_address use_service_name_alias",
    "services.*.volumes[]": "image",
    "services.*.volumes[].bind": "recursive",
    "services.*.volumes[].volume": "labels",
}

REFUSED: dict[str, str] = {
    "include[].env_file": "variables come from .env beside the playbook, or --env-file",
    "include[].project_directory": "paths belong to the folder of the playbook",
    "services.*.build": "nothing is built here: push the image, and leave it out, or lay !reset over it with -f",
    "services.*.cpu_count": "it is of Windows; use cpus",
    "services.*.cpu_percent": "it is of Windows; use cpus",
    "services.*.cpu_rt_period": "it needs cgroups of version 1",
    "services.*.cpu_rt_runtime": "it needs cgroups of version 1",
    "services.*.credential_spec": "it is of Windows",
    "services.*.deploy.resources.reservations.generic_resources": "use placement.constraints on labels of hosts",
    "services.*.develop": "it is for docker compose watch: leave it out, or lay !reset over it with -f",
    "services.*.isolation": "it is of Windows",
    "services.*.container_name": "containers are named PROJECT-SERVICE-NUMBER: leave it out, or lay !reset over it with -f",
    "services.*.deploy.endpoint_mode": "there is no overlay network",
    "services.*.external_links": "links are of the past",
    "services.*.links": "links are of the past",
    "services.*.post_start[].environment": "its values would stand in the unit; give them to the service",
    "services.*.pre_stop[].environment": "its values would stand in the unit; give them to the service",
    "services.*.scale": "use deploy.replicas",
    "services.*.use_api_socket": "it gives the container the whole host",
    "services.*.volumes_from": "name the volumes",
}
"""Keys that are not planned, and why."""

NOT_YET: tuple[str, ...] = (
    *_TOP.split(),
    *(f"services.*.{key}" for key in _SERVICE.split()),
    *(f"{section}.{key}" for section, keys in _BELOW.items() for key in keys.split()),
)
"""Keys that may come."""

KNOWN: dict[str, str] = {
    **dict.fromkeys(NOT_YET, "not supported yet"),
    **{key: f"not supported: {reason}" for key, reason in REFUSED.items()},
}
"""Every key that is not supported, and what is said of it."""
