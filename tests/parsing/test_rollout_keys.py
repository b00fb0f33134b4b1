"""What a playbook says of replacing instances: update_config, rollback_config, depends_on, and our x- keys."""

from __future__ import annotations

import pytest

from clusterctl.model.service import Canary, Dependency, UpdateConfig
from tests.parsing.tools import mistakes, playbook, service, service_mistakes

HEALTHY = "{image: db, healthcheck: {test: x}}"


def test_every_key_of_update_config_is_read() -> None:
    found = service(
        "deploy: {update_config: {parallelism: 2, delay: 3s, monitor: 1m, max_failure_ratio: 0.25, "
        "failure_action: rollback, order: start-first}}"
    )

    assert found.update == UpdateConfig(
        parallelism=2,
        order="start-first",
        delay_s=3.0,
        monitor_s=60.0,
        max_failure_ratio=0.25,
        failure_action="rollback",
    )
    assert found.rollback == UpdateConfig()


def test_rollback_config_is_read_for_itself() -> None:
    found = service("deploy: {rollback_config: {parallelism: 0, failure_action: continue, monitor: 0s}}")

    assert found.rollback == UpdateConfig(parallelism=0, failure_action="continue", monitor_s=0.0)
    assert found.update == UpdateConfig()


def test_parallelism_may_be_a_share() -> None:
    found = service('deploy: {replicas: 8, update_config: {parallelism: "25%"}}').update

    assert found == UpdateConfig(parallelism_percent=25.0)
    assert found.at_once(8) == 2


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            "update_config: {parallelism: 0%}",
            (
                "update_config.parallelism: expected a whole number from 0 to 10000, or a percentage such as 25%, "
                'got "0%"'
            ),
        ),
        (
            'update_config: {parallelism: "2"}',
            (
                "update_config.parallelism: expected a whole number from 0 to 10000, or a percentage such as 25%, "
                'got "2"'
            ),
        ),
        (
            "update_config: {max_failure_ratio: 1.5}",
            "update_config.max_failure_ratio: expected a ratio from 0 to 1, such as 0.25, got 1.5",
        ),
        (
            "update_config: {max_failure_ratio: 20%}",
            'update_config.max_failure_ratio: expected a ratio from 0 to 1, such as 0.25, got "20%"',
        ),
        (
            "rollback_config: {failure_action: rollback}",
            'rollback_config.failure_action: expected pause or continue, got "rollback"',
        ),
        (
            "rollback_config: {delay: 5}",
            "rollback_config.delay: expected a duration such as 1m30s or 500ms, got 5: the unit is missing",
        ),
        (
            "x-drain: move",
            'deploy: "x-drain" belongs to the service itself, beside image',
        ),
    ],
)
def test_a_rollout_that_cannot_be_meant_is_refused(keys: str, expected: str) -> None:
    found = service_mistakes(f"deploy: {{{keys}}}")

    assert [text.removeprefix("deploy.") for text in found] == [expected]


@pytest.mark.parametrize(
    ("written", "canary"),
    [
        ("", Canary(1, 30.0, ())),
        ("{instances: 2, soak: 1m, gate: check 'a b'}", Canary(2, 60.0, ("check", "a b"))),
        ("{gate: [check, a b]}", Canary(1, 30.0, ("check", "a b"))),
    ],
)
def test_a_canary_has_instances_a_soak_and_a_gate(written: str, canary: Canary) -> None:
    assert service(f"deploy: {{replicas: 3}}, x-canary: {written}").canary == canary


def test_a_service_says_what_draining_does_and_with_whom_it_is_a_quorum() -> None:
    found = service("x-drain: interrupt, x-quorum: etcd, x-priority: 7")

    assert (found.drain, found.quorum, found.priority) == ("interrupt", "etcd", 7)
    assert (service("init: false").drain, service("init: false").quorum) == ("move", "")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            "x-canary: {instances: 2}, deploy: {replicas: 2}",
            ": x-canary: 2 of 2 replicas is no canary; fewer instances than deploy.replicas are needed",
        ),
        (
            "x-canary: ",
            ": x-canary: 1 of 1 replica is no canary; fewer instances than deploy.replicas are needed",
        ),
        ("x-canary: {gate: []}, deploy: {replicas: 2}", ".x-canary.gate: a gate needs a command"),
        ("x-canary: {gate: ''}, deploy: {replicas: 2}", ".x-canary.gate: a gate needs a command"),
        (
            "x-canary: {instance: 1}, deploy: {replicas: 2}",
            '.x-canary: unknown key "instance"; did you mean "instances"?',
        ),
        ("x-canery: {instances: 1}", ': unknown key "x-canery"; did you mean "x-canary"?'),
        ("x-canaries: 1", ': unknown key "x-canaries"; did you mean "x-canary"?'),
        (
            "x-singleton: true, deploy: {replicas: 2}",
            ": x-singleton: 2 replicas cannot run only once",
        ),
        (
            "x-singleton: true, deploy: {mode: global}",
            ": x-singleton: mode: global runs one instance on every host",
        ),
        (
            "x-singleton: true, deploy: {update_config: {order: start-first}}",
            ": x-singleton: order: start-first runs it twice for a while",
        ),
        ("x-singelton: true", ': unknown key "x-singelton"; did you mean "x-singleton"?'),
        ("x-singleton: once", '.x-singleton: expected true or false, got "once"'),
        ("x-Drain: move", ': unknown key "x-Drain"; did you mean "x-drain"?'),
        ("x-quorom: etcd", ': unknown key "x-quorom"; did you mean "x-quorum"?'),
        ("x-priority: 1001", ".x-priority: expected a whole number from 0 to 1000, got 1001"),
        ("x-priority: high", '.x-priority: expected a whole number from 0 to 1000, got "high"'),
        ("x-drain: stop", '.x-drain: expected move or interrupt or refuse, got "stop"'),
        (
            "x-quorum: a b",
            (
                ".x-quorum: expected a name of a-z, 0-9 or '-', at most 41 long, that begins with a letter or digit, "
                'got "a b"'
            ),
        ),
    ],
)
def test_an_extension_of_ours_that_is_wrong_is_never_ignored(keys: str, expected: str) -> None:
    whole = f"shop.yaml:1: services.web{expected}"

    assert service_mistakes(keys) == [whole.removeprefix("shop.yaml:1: services.web.")]


@pytest.mark.parametrize("key", ["x-team", "x-domain", "x-common", "x-logging", "x-d"])
def test_extensions_of_others_are_ignored(key: str) -> None:
    assert service(f"{key}: 1") == service("init: false")


def test_a_canary_of_a_global_service_is_taken() -> None:
    assert service("deploy: {mode: global}, x-canary: {instances: 2}").canary == Canary(2)


def test_dependencies_are_a_list_or_a_mapping() -> None:
    listed = playbook(
        "services: {web: {image: a, depends_on: [db, cache]}, db: {image: b}, cache: {image: c}}\n"
    )
    mapped = playbook(
        "services: {web: {image: a, depends_on: {db: {condition: service_healthy, required: true, restart: false}}},"
        f" db: {HEALTHY}}}\n"
    )

    assert listed.services[2].depends_on == (Dependency("cache"), Dependency("db"))
    assert mapped.services[1].depends_on == (Dependency("db", "service_healthy"),)


def test_every_mistake_of_dependencies_is_listed_with_its_line() -> None:
    found = mistakes(
        lambda: playbook("""
            services:
              web:
                image: a
                depends_on:
                  - cahce
                  - cache
                  - cache
              api:
                image: a
                depends_on:
                  db: {condition: service_healthy}
                  cache: {}
                  web: {condition: service_completed_successfully, restart: true, required: false}
              db: {image: b}
              cache: {image: c, healthcheck: {disable: true}}
              job: {image: d, depends_on: {cache: {condition: service_healthy}}}
        """)
    )

    completed = "service_completed_successfully is not supported: services run until they are stopped"
    assert found == [
        'shop.yaml:5: services.web.depends_on: no service "cahce" in this file; did you mean "cache"?',
        'shop.yaml:7: services.web.depends_on[2]: "cache" is there twice',
        (
            'shop.yaml:11: services.api.depends_on: "db" has no healthcheck, so it cannot be waited for as '
            "service_healthy; give it one"
        ),
        'shop.yaml:12: services.api.depends_on.cache: "condition" is missing: service_started or service_healthy',
        f"shop.yaml:13: services.api.depends_on.web.condition: {completed}; use service_started or service_healthy",
        (
            "shop.yaml:13: services.api.depends_on.web.restart: restart: true is not supported: nothing is restarted "
            "because another service was"
        ),
        (
            'shop.yaml:16: services.job.depends_on: "cache" has no healthcheck, so it cannot be waited for as '
            "service_healthy; give it one"
        ),
    ]


def test_services_that_wait_for_one_another_are_refused() -> None:
    found = mistakes(
        lambda: playbook("""
            services:
              c: {image: a, depends_on: [a]}
              b: {image: a, depends_on: [c]}
              a:
                image: a
                depends_on: [b, d]
              d: {image: a}
        """)
    )
    itself = mistakes(lambda: playbook("services: {a: {image: a, depends_on: [a]}}\n"))

    circle = "services wait for one another in a circle"
    assert found == [f"shop.yaml:6: services.a.depends_on: {circle}: a -> b -> c -> a"]
    assert itself == [f"shop.yaml:1: services.a.depends_on: {circle}: a -> a"]


def test_what_only_steps_use_is_left_to_them() -> None:
    project = playbook("""
        hosts: no such host
        serial: [1, x]
        window: never
        steps: [{exec: 'echo $HOME'}, {nonsense: }]
        services: {web: {image: nginx}}
    """)

    assert [found.name for found in project.services] == ["web"]
