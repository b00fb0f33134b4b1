"""Playbooks: what a Compose file is read as (bad-input rows 6 and 17)."""

from __future__ import annotations

import pytest

from clusterctl.model.inventory import Policy
from clusterctl.model.privilege import Allow
from clusterctl.model.service import (
    Constraint,
    HealthCheck,
    Mount,
    Port,
    Project,
    Resources,
    RestartPolicy,
    Service,
    UpdateConfig,
)
from clusterctl.parsing.compose.playbook import normalise_name
from tests.parsing.tools import playbook, service


def test_the_smallest_playbook_has_all_defaults() -> None:
    project = playbook("""
        services:
          web:
            image: nginx
    """)

    assert project == Project("shop", (Service("web", "nginx"),))


def test_a_full_playbook_is_read() -> None:
    project = playbook(
        """
        name: store
        version: "3.8"
        x-common: &common
          image: registry:5000/shop/web:1.10
          init: true
        services:
          web:
            <<: *common
            x-team: blue
            command: ["serve", "--port", 80]
            entrypoint: /entry.sh 'a b'
            environment: {A: from-playbook, VERSION: 1.10, DEBUG: no, MODE: 012}
            env_file: [web.env, {path: missing.env, required: false}]
            ports:
              - "8080:80"
              - "127.0.0.1:53:53/udp"
              - 9000
              - {target: 443, published: "8443", host_ip: "::1", protocol: tcp, mode: host}
            volumes:
              - data:/data
              - /srv/web/:/web:ro
              - {type: volume, source: data, target: /more, read_only: true}
              - {type: tmpfs, target: /cache}
            healthcheck: {test: curl -f localhost, interval: 1m30s, timeout: 500ms, retries: 5, start_period: 10s}
            labels: {com.example.team: blue, count: 1, "a.b[0]": , x-y: z}
            user: 1000:1000
            tmpfs: /run:size=64m
            read_only: true
            cap_add: [CAP_NET_ADMIN, chown]
            cap_drop: [ALL]
            stop_signal: int
            stop_grace_period: 1m
            mem_limit: 64m
            cpus: .5
            x-strategy: headroom
            deploy:
              mode: replicated
              replicas: 3
              placement:
                constraints: ["node.labels.zone==a", node.hostname != web1, node.platform.arch == amd64]
                preferences: [{spread: node.labels.room}, {spread: node.labels.rack}]
                max_replicas_per_node: 2
              resources:
                limits: {cpus: "0.50"}
                reservations: {cpus: 0.25, memory: 32m}
              restart_policy: {condition: on-failure, delay: 3s, max_attempts: 4, window: 2m}
              update_config: {parallelism: 2, order: start-first}
        volumes:
          data:
          logs: {}
        """,
        files={"web.env": "A=from-file\nB=2\n"},
        policy=Policy(allow=Allow(capabilities=("NET_ADMIN",))),
    )

    assert project.name == "store"
    assert project.volumes == ("data", "logs")
    assert project.services[0] == Service(
        name="web",
        image="registry:5000/shop/web:1.10",
        command=("serve", "--port", "80"),
        entrypoint=("/entry.sh", "a b"),
        environment={"A": "from-playbook", "B": "2", "VERSION": "1.10", "DEBUG": "no", "MODE": "012"},
        ports=(
            Port(80, 8080),
            Port(53, 53, "udp", "127.0.0.1"),
            Port(9000),
            Port(443, 8443, "tcp", "::1"),
        ),
        mounts=(
            Mount("volume", "data", "/data"),
            Mount("bind", "/srv/web", "/web", read_only=True),
            Mount("volume", "data", "/more", read_only=True),
        ),
        healthcheck=HealthCheck(("CMD-SHELL", "curl -f localhost"), 90.0, 0.5, 5, 10.0),
        labels={"com.example.team": "blue", "count": "1", "a.b[0]": "", "x-y": "z"},
        user="1000:1000",
        init=True,
        tmpfs=("/run:size=64m", "/cache"),
        read_only=True,
        cap_add=("NET_ADMIN", "CHOWN"),
        cap_drop=("ALL",),
        stop_signal="SIGINT",
        stop_grace_period_s=60.0,
        limits=Resources(0.5, 64 * 1024**2),
        reservations=Resources(0.25, 32 * 1024**2),
        replicas=3,
        constraints=(
            Constraint("node.labels.zone", "==", "a"),
            Constraint("node.hostname", "!=", "web1"),
            Constraint("node.platform.arch", "==", "x86_64"),
        ),
        preferences=("room", "rack"),
        max_per_host=2,
        strategy="headroom",
        restart=RestartPolicy("on-failure", 3.0, 4, 120.0),
        update=UpdateConfig(2, "start-first"),
    )


def test_services_come_in_the_order_of_their_names() -> None:
    project = playbook("""
        services:
          web: {image: nginx}
          db: {image: postgres}
    """)

    assert [service.name for service in project.services] == ["db", "web"]


@pytest.mark.parametrize(
    ("stem", "name"),
    [("shop", "shop"), ("My_Shop.v2", "my-shopv2"), ("-x", "x"), ("...", ""), ("a" * 50, "a" * 41)],
)
def test_a_project_is_called_as_its_file(stem: str, name: str) -> None:
    assert normalise_name(stem) == name


@pytest.mark.parametrize(
    ("written", "command"),
    [
        (r'[";", "\\", "", "-@:+!", "%n", "a\nb"]', (";", "\\", "", "-@:+!", "%n", "a\nb")),
        (r"['$${X}', '$$', '$$$$']", ("${X}", "$", "$$")),
        (r"[1.10, 012, 0x1F]", ("1.10", "012", "0x1F")),
        (r"""'a "b c" d\ e '""", ("a", "b c", "d e")),
        (r"'echo $$HOME; id'", ("echo", "$HOME;", "id")),
        ("~", None),
    ],
)
def test_the_words_of_a_command_are_exactly_those_written(
    written: str, command: tuple[str, ...] | None
) -> None:
    """Row 17."""
    assert service(f"command: {written}").command == command


@pytest.mark.parametrize(
    "value",
    ["%n", "%%", "\"q\" and 'q'", "back\\", "a b", "#no comment", "tab\there", "é\u202e", "=", "cr\rinside"],
)
def test_the_value_of_a_variable_is_exactly_that_written(value: str) -> None:
    """Row 16, parsing side."""
    written = "".join(f"\\U{ord(mark):08x}" for mark in value)

    assert service(f'environment: {{A: "{written}"}}').environment == {"A": value}
    assert service(f'environment: ["A={written}"]').environment == {"A": value}


def test_two_dollars_are_one_and_keys_are_left_alone() -> None:
    found = service('environment: {A: "$$X $${Y} $$$$"}, labels: {"a.b": "$$"}')

    assert found.environment == {"A": "$X ${Y} $$"}
    assert found.labels == {"a.b": "$"}


@pytest.mark.parametrize(
    ("written", "test"),
    [
        ("test: exit 0", ("CMD-SHELL", "exit 0")),
        ("test: [CMD, curl, -f, x]", ("CMD", "curl", "-f", "x")),
        ("test: [CMD-SHELL, exit 0]", ("CMD-SHELL", "exit 0")),
        ("test: [NONE]", ("NONE",)),
        ("disable: true", ("NONE",)),
        ("disable: true, test: exit 0", ("NONE",)),
    ],
)
def test_the_test_of_a_health_check_is_as_docker_takes_it(written: str, test: tuple[str, ...]) -> None:
    found = service(f"healthcheck: {{{written}}}").healthcheck

    assert found == HealthCheck(test)


def test_a_global_service_has_no_count() -> None:
    found = service("deploy: {mode: global}")

    assert (found.mode, found.replicas) == ("global", 1)


def test_no_replicas_is_a_count() -> None:
    """Row 13, parsing side."""
    assert service("deploy: {replicas: 0}").replicas == 0


def test_no_attempts_is_no_bound_as_in_swarm() -> None:
    assert service("deploy: {restart_policy: {max_attempts: 0}}").restart.max_attempts is None


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/srv", ()),
        ("/home/shop", ()),
        ("/etc/shop", ("/etc/shop",)),
        ("/", ("/",)),
    ],
)
def test_a_path_of_the_host_is_mounted_where_it_is_nobodys_or_allowed(
    path: str, allowed: tuple[str, ...]
) -> None:
    """Row 18."""
    found = service(f'volumes: ["{path}:/x"]', policy=Policy(allow=Allow(host_paths=allowed)))

    assert found.mounts == (Mount("bind", path, "/x"),)


def test_limits_may_be_said_twice_if_they_agree() -> None:
    found = service('mem_limit: 64m, cpus: 1, deploy: {resources: {limits: {memory: 65536k, cpus: "1.0"}}}')

    assert found.limits == Resources(1.0, 64 * 1024**2)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("restart: no", RestartPolicy("none")),
        ("restart: always", RestartPolicy("any")),
        ("restart: unless-stopped", RestartPolicy("any")),
        ("restart: on-failure", RestartPolicy("on-failure")),
        ("restart: 'on-failure:3'", RestartPolicy("on-failure", max_attempts=3)),
        ("restart: always, deploy: {restart_policy: {condition: none}}", RestartPolicy("none")),
    ],
)
def test_restart_means_a_restart_policy_and_that_of_deploy_counts_more(
    keys: str, expected: RestartPolicy
) -> None:
    assert service(keys).restart == expected
