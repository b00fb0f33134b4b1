"""Keys that Compose has and we do not (Compose Specification, 2025), so that they are told from slips."""

from __future__ import annotations

_TOP = "configs include models networks secrets"
_SERVICE = """
    annotations attach blkio_config build cgroup cgroup_parent configs cpu_count cpu_percent cpu_period cpu_quota
    cpu_rt_period cpu_rt_runtime cpu_shares cpuset credential_spec develop device_cgroup_rules devices
    dns dns_opt dns_search domainname driver_opts expose extends extra_hosts gpus group_add hostname ipc isolation
    label_file logging mac_address mem_reservation mem_swappiness memswap_limit models networks
    oom_kill_disable oom_score_adj pid pids_limit platform post_start pre_stop privileged profiles provider
    pull_policy pull_refresh_after runtime secrets security_opt shm_size stdin_open storage_opt sysctls tty ulimits
    userns_mode uts working_dir
"""
_BELOW = {
    "services.*.deploy": "labels",
    "services.*.deploy.placement": "max_replicas_per_node preferences",
    "services.*.deploy.resources.limits": "pids",
    "services.*.deploy.resources.reservations": "devices generic_resources",
    "services.*.env_file[]": "format",
    "services.*.healthcheck": "start_interval",
    "services.*.ports[]": "app_protocol name",
    "services.*.volumes[]": "bind consistency image tmpfs volume",
    "volumes.*": "driver driver_opts external labels name",
}

REFUSED: dict[str, str] = {
    "services.*.container_name": "containers are named PROJECT-SERVICE-NUMBER",
    "services.*.deploy.endpoint_mode": "there is no overlay network",
    "services.*.external_links": "links are of the past",
    "services.*.links": "links are of the past",
    "services.*.network_mode": "containers are on docker's bridge and publish ports",
    "services.*.restart": "use deploy.restart_policy",
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
