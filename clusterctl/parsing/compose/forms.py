"""The form of each value of a playbook, for its JSON Schema: what the parser of the key takes, as far as a schema can say it.

Numbers and flags may be a variable (`${NAME}`). Keys that are not named here take text, or anything where only the parser knows.
"""

from __future__ import annotations

from typing import Any

Form = dict[str, Any]

_VARIABLE = r"\$"
_DURATION = r"^(?:0|(?:[0-9]{1,12}(?:\.[0-9]{1,9})?(?:us|ms|s|m|h))+)$"
_SIZE = r"^[0-9]{1,18}(?:\.[0-9]{1,9})? ?[kKmMgGtT]?[iI]?[bB]?$"
_LIMIT = r"^(?:[1-9][0-9]{0,5}|[0-9]{1,3}(?:\.[0-9]{1,6})?%)$"


def or_variable(form: Form) -> Form:
    """Return the form, or text with a variable."""
    return {"anyOf": [form, {"type": "string", "pattern": _VARIABLE}]}


def words(*found: str) -> Form:
    """Return the form of one of some words."""
    return or_variable({"enum": list(found)})


def whole(least: int, most: int | None = None) -> Form:
    """Return the form of a whole number within bounds."""
    bound = {} if most is None else {"maximum": most}
    return or_variable({"type": "integer", "minimum": least, **bound})


def matching(pattern: str, least: int = 0) -> Form:
    """Return the form of text, or of a number that is written like it."""
    return or_variable({"type": ["string", "number"], "pattern": pattern, "minimum": least})


TEXT: Form = {"type": ["string", "number"]}
FLAG = or_variable({"type": "boolean"})
DURATION = or_variable({"anyOf": [{"type": "string", "pattern": _DURATION}, {"const": 0}]})
SIZE = matching(_SIZE)
_SCALAR: Form = {"type": ["string", "number", "boolean", "null"]}
_LIST: Form = {"type": "array", "items": TEXT}
_LIST_OR_ONE: Form = {"anyOf": [TEXT, _LIST]}
_COMMAND: Form = {"anyOf": [{"type": ["string", "null"]}, _LIST]}
PAIRS: Form = {"anyOf": [_LIST, {"type": ["object", "null"], "additionalProperties": _SCALAR}]}
_LIMIT_FORM: Form = {
    "anyOf": [{"type": "integer", "minimum": 1, "maximum": 999_999}, {"type": "string", "pattern": _LIMIT}]
}
_ROWS: list[tuple[str, Form]] = [
    (
        """networks.*.attachable networks.*.enable_ipv4 networks.*.enable_ipv6 networks.*.internal services.*.post_start[].privileged services.*.pre_stop[].privileged
        services.*.volumes[].bind.create_host_path services.*.volumes[].read_only services.*.volumes[].volume.nocopy
        services.*.oom_kill_disable services.*.privileged services.*.stdin_open services.*.tty
        services.*.depends_on.*.required services.*.depends_on.*.restart services.*.env_file[].required
        services.*.healthcheck.disable services.*.init services.*.read_only services.*.x-singleton""",
        FLAG,
    ),
    (
        """services.*.deploy.restart_policy.delay services.*.deploy.restart_policy.window
        services.*.deploy.rollback_config.delay services.*.deploy.rollback_config.monitor
        services.*.deploy.update_config.delay services.*.deploy.update_config.monitor services.*.healthcheck.interval
        services.*.healthcheck.start_interval services.*.healthcheck.start_period services.*.healthcheck.timeout
        services.*.stop_grace_period services.*.x-canary.soak""",
        DURATION,
    ),
    (
        """services.*.deploy.resources.limits.memory services.*.deploy.resources.reservations.memory
        services.*.mem_limit services.*.mem_reservation services.*.shm_size services.*.storage_opt.size
        services.*.volumes[].tmpfs.size services.*.blkio_config.device_read_bps[].rate
        services.*.blkio_config.device_write_bps[].rate""",
        SIZE,
    ),
    (
        """services.*.environment services.*.labels services.*.annotations services.*.deploy.labels services.*.sysctls
        volumes.*.labels networks.*.labels configs.*.labels secrets.*.labels volumes.*.driver_opts
        networks.*.driver_opts services.*.logging.options services.*.extra_hosts""",
        PAIRS,
    ),
    (
        "services.*.command services.*.entrypoint services.*.post_start[].command services.*.pre_stop[].command",
        _COMMAND,
    ),
    ("services.*.healthcheck.test services.*.x-canary.gate", _COMMAND),
    (
        """services.*.cap_add services.*.cap_drop services.*.deploy.placement.constraints services.*.profiles""",
        _LIST,
    ),
    (
        """services.*.dns services.*.dns_opt services.*.dns_search services.*.label_file services.*.tmpfs
        services.*.expose services.*.group_add services.*.security_opt services.*.device_cgroup_rules
        services.*.networks.*.aliases include[].path""",
        _LIST_OR_ONE,
    ),
    (
        """services.*.deploy.update_config.parallelism services.*.deploy.rollback_config.parallelism""",
        {"anyOf": [whole(0, 10_000), {"type": "string", "pattern": r"^[0-9]{1,3}(?:\.[0-9]{1,6})?%$"}]},
    ),
    (
        "services.*.deploy.update_config.order services.*.deploy.rollback_config.order",
        words("stop-first", "start-first"),
    ),
    ("services.*.deploy.update_config.failure_action", words("pause", "continue", "rollback")),
    ("services.*.deploy.rollback_config.failure_action", words("pause", "continue")),
    ("services.*.deploy.mode", words("replicated", "global")),
    ("services.*.deploy.replicas services.*.deploy.placement.max_replicas_per_node", whole(0, 10_000)),
    ("services.*.deploy.restart_policy.condition", words("any", "on-failure", "none")),
    ("services.*.deploy.restart_policy.max_attempts", whole(0)),
    (
        "services.*.deploy.resources.limits.cpus services.*.deploy.resources.reservations.cpus services.*.cpus",
        matching(r"^(?:[0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})$"),
    ),
    (
        "services.*.deploy.update_config.max_failure_ratio services.*.deploy.rollback_config.max_failure_ratio",
        matching(r"^(?:[01](?:\.[0-9]{1,9})?|\.[0-9]{1,9})$"),
    ),
    ("services.*.healthcheck.retries", whole(1)),
    ("services.*.volumes[].type", words("volume", "bind", "tmpfs")),
    ("services.*.volumes[].bind.selinux", words("z", "Z")),
    ("services.*.ports[].protocol", words("tcp", "udp")),
    ("services.*.env_file[].format", words("raw")),
    ("services.*.x-canary.instances", whole(1, 10_000)),
    ("services.*.x-drain", words("move", "interrupt", "refuse")),
    ("services.*.x-priority", whole(0, 1000)),
    ("services.*.x-strategy", words("spread", "pack", "headroom")),
    ("services.*.networks.*.priority", whole(0, 1000)),
    ("services.*.oom_score_adj", whole(-1000, 1000)),
    ("services.*.mem_swappiness", whole(0, 100)),
    ("services.*.cpu_shares", whole(2, 262_144)),
    ("services.*.cpu_period", whole(1000, 1_000_000)),
    ("services.*.cpu_quota", whole(1000)),
    ("services.*.ulimits.*.hard services.*.ulimits.*.soft", whole(-1)),
    ("services.*.depends_on.*.condition", words("service_started", "service_healthy")),
    ("services.*.restart", matching(r"^(?:no|always|unless-stopped|on-failure(?::[0-9]+)?)$")),
    ("services.*.cgroup", words("private", "host")),
    ("services.*.ipc", words("none", "private", "shareable", "host")),
    ("services.*.pid services.*.userns_mode services.*.uts", words("host")),
    ("services.*.memswap_limit", {"anyOf": [SIZE, {"enum": [-1, "-1"]}]}),
    (
        "services.*.pids_limit services.*.deploy.resources.limits.pids",
        matching(r"^(?:-1|[1-9][0-9]{0,9})$", -1),
    ),
    ("services.*.ports[].mode", words("host")),
    (
        """services.*.configs[].mode services.*.secrets[].mode services.*.volumes[].tmpfs.mode""",
        matching(r"^(?:0o?)?[0-7]{3,4}$"),
    ),
    (
        "services.*.configs[].uid services.*.configs[].gid services.*.secrets[].uid services.*.secrets[].gid",
        matching(r"^[0-9]{1,9}$"),
    ),
    ("services.*.devices[].permissions", matching(r"^[rwm]{1,3}$")),
    (
        """services.*.gpus[].capabilities services.*.gpus[].device_ids
        services.*.deploy.resources.reservations.devices[].capabilities
        services.*.deploy.resources.reservations.devices[].device_ids""",
        _LIST_OR_ONE,
    ),
    (
        "services.*.gpus[].count services.*.deploy.resources.reservations.devices[].count",
        matching(r"^(?:all|[1-9][0-9]{0,2})$"),
    ),
    ("services.*.blkio_config.weight services.*.blkio_config.weight_device[].weight", whole(10, 1000)),
    (
        "services.*.blkio_config.device_read_iops[].rate services.*.blkio_config.device_write_iops[].rate",
        whole(1),
    ),
    ("services.*.deploy.placement.preferences[].spread", matching(r"^node\.labels\.")),
    ("serial", {"anyOf": [TEXT, {"type": "array", "minItems": 1, "items": _LIMIT_FORM}]}),
    ("max_fail", {"type": "integer", "minimum": 0}),
    ("max_unavailable", _LIMIT_FORM),
    ("on_failure", {"enum": ["stop", "continue"]}),
    ("window", _LIST_OR_ONE),
    (
        """name hosts volumes.*.driver volumes.*.name networks.*.driver networks.*.name networks.*.ipam.driver
        configs.*.file configs.*.content configs.*.environment configs.*.name secrets.*.file
        secrets.*.environment secrets.*.name configs.*.external.name secrets.*.external.name volumes.*.external.name
        networks.*.external.name services.*.image services.*.hostname services.*.domainname
        services.*.user services.*.working_dir services.*.platform services.*.runtime services.*.cpuset
        services.*.network_mode services.*.pull_policy services.*.stop_signal services.*.x-quorum
        services.*.logging.driver services.*.mac_address services.*.ports[].target services.*.ports[].published
        services.*.ports[].host_ip services.*.volumes[].source services.*.volumes[].target services.*.env_file[].path
        services.*.extends.service services.*.extends.file networks.*.ipam.config[].gateway
        networks.*.ipam.config[].ip_range networks.*.ipam.config[].subnet services.*.networks.*.ipv4_address
        services.*.networks.*.ipv6_address services.*.configs[].source services.*.configs[].target
        services.*.secrets[].source services.*.secrets[].target services.*.post_start[].user
        services.*.post_start[].working_dir services.*.pre_stop[].user services.*.pre_stop[].working_dir
        services.*.volumes[].bind.propagation services.*.volumes[].volume.subpath services.*.cgroup_parent
        services.*.devices[].source services.*.devices[].target services.*.gpus[].driver
        services.*.deploy.resources.reservations.devices[].driver services.*.blkio_config.weight_device[].path
        services.*.blkio_config.device_read_bps[].path services.*.blkio_config.device_read_iops[].path
        services.*.blkio_config.device_write_bps[].path services.*.blkio_config.device_write_iops[].path""",
        TEXT,
    ),
]
FORMS: dict[str, Form] = {path: form for paths, form in _ROWS for path in paths.split()}
"""Path -> form; numbers and flags of services may be a variable."""

SHORT: dict[str, Form] = {
    **dict.fromkeys(
        ["configs.*.external", "networks.*.external", "secrets.*.external", "volumes.*.external"], FLAG
    ),
    "include[]": TEXT,
    "services.*.configs[]": TEXT,
    "services.*.depends_on": _LIST,
    "services.*.devices[]": TEXT,
    "services.*.env_file": TEXT,
    "services.*.env_file[]": TEXT,
    "services.*.extends": TEXT,
    "services.*.gpus": TEXT,
    "services.*.networks": _LIST,
    "services.*.ports[]": TEXT,
    "services.*.secrets[]": TEXT,
    "services.*.ulimits.*": whole(-1),
    "services.*.volumes[]": TEXT,
}
"""What may stand instead of a mapping with keys, or of a list of them."""


def form_of(path: str) -> Form:
    """Return the form of the value at a path; a key that is not in the table takes anything."""
    return FORMS.get(path, {})
