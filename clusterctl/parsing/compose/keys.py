"""The table of supported keys: path, reader, and a word on each. The parser and the documentation both use it.

A new key is one row here, and a field of `model.service`.
"""

from __future__ import annotations

import re

from clusterctl.parsing.compose.command import read_words
from clusterctl.parsing.compose.depends import (
    parse_condition,
    parse_dependency_restart,
    read_depends_on,
)
from clusterctl.parsing.compose.deploy import (
    parse_restart,
    read_deploy,
    read_limits,
    read_reservations,
    read_resources,
    read_restart,
)
from clusterctl.parsing.compose.environment import parse_env_path, read_env_files, read_environment
from clusterctl.parsing.compose.files import FILE_KEYS
from clusterctl.parsing.compose.health import read_healthcheck, read_test
from clusterctl.parsing.compose.hooks import HOOK_KEYS
from clusterctl.parsing.compose.mounts import MOUNT_KEYS, read_ignored
from clusterctl.parsing.compose.networks import NETWORK_KEYS
from clusterctl.parsing.compose.pairs import read_label_files, read_labels
from clusterctl.parsing.compose.placement import (
    parse_spread,
    read_constraints,
    read_placement,
    read_preferences,
)
from clusterctl.parsing.compose.ports import parse_mode, parse_published, read_ports
from clusterctl.parsing.compose.runtime import RUNTIME_KEYS
from clusterctl.parsing.compose.service import read_cap_add, read_cap_drop, read_services
from clusterctl.parsing.compose.update import (
    parse_parallelism,
    read_canary,
    read_gate,
    read_rollback,
    read_update,
)
from clusterctl.parsing.compose.volumes import VOLUME_KEYS
from clusterctl.parsing.compose.walk import Key, text_by, value_of
from clusterctl.parsing.names import (
    parse_container_user,
    parse_image,
    parse_ip,
    parse_port,
    parse_service_name,
)
from clusterctl.parsing.scalars import (
    flag_of,
    one_of,
    parse_cpus,
    parse_duration,
    parse_ratio,
    parse_some_duration,
    parse_some_size,
    whole_number,
)
from clusterctl.parsing.steps.keys import RUN_KEYS
from clusterctl.parsing.words import Expected, Unfit

MOST_REPLICAS = 10_000
MOST_PRIORITY = 1000

_SIGNAL_NAME = re.compile(
    r"HUP|INT|QUIT|ABRT|KILL|USR1|USR2|PIPE|ALRM|TERM|CONT|STOP|WINCH|PWR|RTMIN(?:\+(?:[1-9]|[12][0-9]|30))?",
)
_SIGNAL_NUMBER = re.compile(r"[1-9]|[1-5][0-9]|6[0-4]")


def parse_signal(text: str) -> str:
    """Return a signal's name with SIG before it, or its number."""
    if _SIGNAL_NUMBER.fullmatch(text):
        return text
    name = text.upper().removeprefix("SIG")
    if not _SIGNAL_NAME.fullmatch(name):
        raise Expected("a signal such as SIGTERM")
    return f"SIG{name}"


def parse_network_mode(text: str) -> str:
    """Return `host`, `none`, or `bridge`."""
    if text.startswith(("service:", "container:")):
        raise Unfit("the network of another container: instances of two services may be on two hosts")
    if text not in {"bridge", "none", "host"}:
        raise Expected("bridge, none or host", "networks are named under networks:")
    return text


def parse_pull_policy(text: str) -> str:
    """Return when the registry is asked; always is what is done anyway."""
    words = {"always": "", "missing": "missing", "if_not_present": "missing", "never": "never"}
    if text in {"build", "daily", "weekly"} or text.startswith("every_"):
        raise Unfit(f"{text} is not supported: write always, missing or never")
    if text not in words:
        raise Expected("always, missing or never")
    return words[text]


def _replacement(section: str, *actions: str) -> dict[str, Key]:
    """Return the keys of `update_config` or `rollback_config`."""
    return {
        f"{section}.delay": Key(text_by(parse_duration), "between two groups"),
        f"{section}.failure_action": Key(
            value_of(one_of(*actions)),
            "rollback takes the whole fleet back" if "rollback" in actions else "",
        ),
        f"{section}.max_failure_ratio": Key(text_by(parse_ratio), "0 to 1"),
        f"{section}.monitor": Key(text_by(parse_duration), "5s if left out"),
        f"{section}.order": Key(value_of(one_of("stop-first", "start-first"))),
        f"{section}.parallelism": Key(
            value_of(parse_parallelism), "a number, 0 is all at once, or a percentage"
        ),
    }


SUPPORTED: dict[str, Key] = {
    "include": Key(read_ignored, "files beside the playbook or below; no other project folder or env file"),
    "include[].path": Key(read_ignored, "needed; one or a list"),
    "name": Key(text_by(parse_service_name), "the file's name where it is left out"),
    "services": Key(read_services),
    "version": Key(read_ignored, "ignored, as Compose does"),
    **VOLUME_KEYS,
    **NETWORK_KEYS,
    **FILE_KEYS,
    **HOOK_KEYS,
    **MOUNT_KEYS,
    **RUNTIME_KEYS,
    "services.*.cap_add": Key(read_cap_add, "beyond docker's default set: policy.allow.capabilities"),
    "services.*.cap_drop": Key(read_cap_drop),
    "services.*.command": Key(read_words, "text is cut by shell rules, no shell runs"),
    "services.*.cpus": Key(text_by(parse_cpus), "the same as deploy.resources.limits.cpus"),
    "services.*.deploy": Key(read_deploy),
    "services.*.deploy.labels": Key(read_labels, "of the service: kept in the manifest, not on containers"),
    "services.*.deploy.mode": Key(value_of(one_of("replicated", "global"))),
    "services.*.deploy.placement": Key(read_placement),
    "services.*.deploy.placement.constraints": Key(
        read_constraints, "node.hostname, node.labels.NAME, node.platform.arch, node.platform.os; ==, !="
    ),
    "services.*.deploy.placement.max_replicas_per_node": Key(
        value_of(whole_number(0, MOST_REPLICAS)), "0 is no bound; a hard rule, also for drains and failover"
    ),
    "services.*.deploy.placement.preferences": Key(read_preferences, "the first one counts first"),
    "services.*.deploy.placement.preferences[].spread": Key(text_by(parse_spread), "node.labels.NAME"),
    "services.*.deploy.replicas": Key(value_of(whole_number(0, MOST_REPLICAS)), "0 to 10000"),
    "services.*.deploy.resources": Key(read_resources),
    "services.*.deploy.resources.limits": Key(read_limits),
    "services.*.deploy.resources.limits.cpus": Key(text_by(parse_cpus)),
    "services.*.deploy.resources.limits.memory": Key(text_by(parse_some_size), "at least 6m"),
    "services.*.deploy.resources.reservations": Key(read_reservations),
    "services.*.deploy.resources.reservations.cpus": Key(text_by(parse_cpus)),
    "services.*.deploy.resources.reservations.memory": Key(text_by(parse_some_size)),
    "services.*.deploy.restart_policy": Key(read_restart, "systemd restarts, docker never"),
    "services.*.deploy.restart_policy.condition": Key(value_of(one_of("any", "on-failure", "none"))),
    "services.*.deploy.restart_policy.delay": Key(text_by(parse_duration)),
    "services.*.deploy.restart_policy.max_attempts": Key(value_of(whole_number(0)), "0 is no bound"),
    "services.*.deploy.restart_policy.window": Key(text_by(parse_duration)),
    "services.*.deploy.rollback_config": Key(read_rollback, "how instances go back to the generation before"),
    **_replacement("services.*.deploy.rollback_config", "pause", "continue"),
    "services.*.deploy.update_config": Key(read_update),
    **_replacement("services.*.deploy.update_config", "pause", "continue", "rollback"),
    "services.*.depends_on": Key(read_depends_on, "names, or names with a condition; holds across hosts"),
    "services.*.depends_on.*.condition": Key(
        value_of(parse_condition), "service_started or service_healthy (the other needs a healthcheck)"
    ),
    "services.*.depends_on.*.required": Key(
        value_of(flag_of), "false: a profile may leave that service out; where it is there it is waited for"
    ),
    "services.*.depends_on.*.restart": Key(value_of(parse_dependency_restart), "false only"),
    "services.*.entrypoint": Key(read_words),
    "services.*.env_file": Key(
        read_env_files, "beside the playbook or below; no variables in it, but ${...} in its path"
    ),
    "services.*.env_file[].format": Key(value_of(one_of("raw")), "raw: values as they stand, no quotes"),
    "services.*.env_file[].path": Key(text_by(parse_env_path)),
    "services.*.env_file[].required": Key(value_of(flag_of)),
    "services.*.environment": Key(
        read_environment,
        "a name alone has the value of that variable, from .env, --env-file or --env, as ${...} takes it",
    ),
    "services.*.healthcheck": Key(read_healthcheck),
    "services.*.healthcheck.disable": Key(value_of(flag_of)),
    "services.*.healthcheck.interval": Key(text_by(parse_some_duration)),
    "services.*.healthcheck.retries": Key(value_of(whole_number(1))),
    "services.*.healthcheck.start_period": Key(text_by(parse_duration)),
    "services.*.healthcheck.start_interval": Key(text_by(parse_some_duration), "docker 25 and later"),
    "services.*.healthcheck.test": Key(read_test, "the image's own if left out"),
    "services.*.healthcheck.timeout": Key(text_by(parse_some_duration)),
    "services.*.image": Key(text_by(parse_image), "needed"),
    "services.*.extends": Key(read_ignored, "a service of the same file, or of one beside it or below"),
    "services.*.extends.file": Key(read_ignored),
    "services.*.extends.service": Key(read_ignored, "needed"),
    "services.*.profiles": Key(read_ignored, "not there unless --profile names one of them"),
    "services.*.init": Key(value_of(flag_of)),
    "services.*.restart": Key(
        text_by(parse_restart),
        "no, always, unless-stopped, on-failure[:N]; deploy.restart_policy counts more",
    ),
    "services.*.label_file": Key(read_label_files, "beside the playbook or below"),
    "services.*.attach": Key(read_ignored, "means nothing without a terminal"),
    "services.*.network_mode": Key(
        text_by(parse_network_mode),
        "none, host (policy.allow.host_network), or bridge: docker's own, without names",
    ),
    "services.*.pull_policy": Key(
        text_by(parse_pull_policy),
        "always asks the registry for the tag's digest; missing only where no host knows one; never asks nobody",
    ),
    "services.*.labels": Key(read_labels, "io.clusterctl. is ours"),
    "services.*.mem_limit": Key(text_by(parse_some_size), "the same as deploy.resources.limits.memory"),
    "services.*.ports": Key(
        read_ports, "ranges are equally long; without a host port docker chooses a free one"
    ),
    "services.*.ports[].host_ip": Key(text_by(parse_ip)),
    "services.*.ports[].app_protocol": Key(read_ignored, "a word for people"),
    "services.*.ports[].mode": Key(text_by(parse_mode), "host only"),
    "services.*.ports[].name": Key(read_ignored, "a word for people"),
    "services.*.ports[].protocol": Key(value_of(one_of("tcp", "udp"))),
    "services.*.ports[].published": Key(text_by(parse_published)),
    "services.*.ports[].target": Key(text_by(parse_port)),
    "services.*.read_only": Key(value_of(flag_of)),
    "services.*.stop_grace_period": Key(text_by(parse_duration)),
    "services.*.stop_signal": Key(text_by(parse_signal)),
    "services.*.user": Key(text_by(parse_container_user)),
    "services.*.x-canary": Key(read_canary, "ours: some instances first, watched, before the others"),
    "services.*.x-canary.gate": Key(
        read_gate, "a command of the operator's that must exit 0; text is cut by shell rules, no shell runs"
    ),
    "services.*.x-canary.instances": Key(
        value_of(whole_number(1, MOST_REPLICAS)), "1 if left out; fewer than replicas"
    ),
    "services.*.x-canary.soak": Key(text_by(parse_duration), "30s if left out"),
    "services.*.x-drain": Key(
        value_of(one_of("move", "interrupt", "refuse")), "ours: what draining its host does to an instance"
    ),
    "services.*.x-priority": Key(
        value_of(whole_number(0, MOST_PRIORITY)),
        "ours: who is placed first where not everything has room; 0 to 1000, 0 if left out",
    ),
    "services.*.x-quorum": Key(
        text_by(parse_service_name), "ours: services of one group are never out two at once"
    ),
    "services.*.x-singleton": Key(
        value_of(flag_of),
        "ours: never two at once; after a boot it waits until a run of clusterctl lets it start",
    ),
    "services.*.x-strategy": Key(
        value_of(one_of("spread", "pack", "headroom")),
        "ours: which host is best; policy.strategy if left out",
    ),
    **{key: Key(read_ignored, doc) for key, doc in RUN_KEYS.items()},
}
