"""Playbooks that are refused, each message whole (bad-input rows 12 to 14, 16, 17, 19, 23)."""

from __future__ import annotations

import pytest

from clusterctl.errors import InputError
from tests.parsing.tools import mistakes, playbook, service_mistakes

COUNT = "expected a whole number from 0 to 10000"
AT_ONCE = f"{COUNT}, or a percentage such as 25%"
CARRY = "the value holds NUL or a line break, which cannot be passed by an env file"
NOT_SET = "variable A is not set; set it in .env, by --env-file, or give that of your environment by --env A"
NAME = "expected a name of a-z, 0-9 or '-', at most 41 long, that begins with a letter or digit"


def test_all_mistakes_of_a_playbook_are_listed_at_once() -> None:
    """Row 12."""
    found = mistakes(
        lambda: playbook("""
            nam: shop
            services:
              web:
                imagee: nginx
                develop: {}
                scale: 3
                deploy:
                  update_config: {paralelism: 2, failure_action: stop}
              db: nginx
            networks: {back: {driver: overlay}}
            secrets: {token: {file: token.txt}}
            volumes: {data: {drive: nfs}, "a b": }
        """)
    )

    assert found == [
        'shop.yaml:1: unknown key "nam"; did you mean "name"?',
        'shop.yaml:3: services.web: "image" is missing',
        'shop.yaml:4: services.web: unknown key "imagee"; did you mean "image"?',
        'shop.yaml:5: services.web: "develop" is not supported: it is for docker compose watch: leave it out, or lay !reset over it with -f',
        'shop.yaml:6: services.web: "scale" is not supported: use deploy.replicas',
        (
            "shop.yaml:8: services.web.deploy.update_config.failure_action: expected pause or continue or rollback, "
            'got "stop"'
        ),
        'shop.yaml:8: services.web.deploy.update_config: unknown key "paralelism"; did you mean "parallelism"?',
        'shop.yaml:9: services.db: expected a mapping, got "nginx"',
        (
            "shop.yaml:10: networks.back.driver: overlay is not supported: networks are bridges of one host; "
            "across hosts publish ports, or name a network that every host has with external: true"
        ),
        'shop.yaml:11: secrets.token: no file "token.txt"',
        "shop.yaml:12: volumes.\"a b\": expected a volume name of letters, digits, '.', '_' or '-', got \"a b\"",
        'shop.yaml:12: volumes.data: unknown key "drive"; did you mean "driver"?',
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["shop.yaml: the file is empty"]),
        ("[]\n", ["shop.yaml:1: expected a mapping, got a list"]),
        ("{}\n", ['shop.yaml:1: "services" is missing: at least one service is needed']),
        (
            "hosts: all\nsteps: [drain: ]\n",
            [
                "shop.yaml:2: there are steps and no services here: run them with clusterctl run shop.yaml",
            ],
        ),
        ("services:\n", ["shop.yaml:1: services: no services: at least one is needed"]),
        ("name: A\nservices: {a: {image: b}}\n", [f'shop.yaml:1: name: {NAME}, got "A"']),
        ("services: {a: {image: b, image: c}}\n", ['shop.yaml:1: duplicate key "image", first on line 1']),
    ],
)
def test_a_file_without_services_is_refused(text: str, expected: list[str]) -> None:
    """Rows 1 and 2."""
    assert mistakes(lambda: playbook(text)) == expected


@pytest.mark.parametrize("name", ["../x", "a/b", "@", "-x", "x" * 60, "Web", "a_b"])
def test_a_service_name_outside_the_allow_list_is_refused(name: str) -> None:
    """Row 14."""
    found = mistakes(lambda: playbook(f'services:\n  "{name}": {{image: nginx}}\n'))

    assert found == [f'shop.yaml:2: services.{name}: {NAME}, got "{name}"']


@pytest.mark.parametrize(
    ("replicas", "got"),
    [
        ("-1", "-1"),
        ("1000000000", "1000000000"),
        ('"3"', '"3"'),
        ("2.5", "2.5"),
        ("1e9", "1e9"),
        ("true", "true"),
        ("[]", "a list"),
    ],
)
def test_replicas_are_a_whole_number(replicas: str, got: str) -> None:
    """Row 13."""
    assert service_mistakes(f"deploy: {{replicas: {replicas}}}") == [f"deploy.replicas: {COUNT}, got {got}"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("command: '${HOME}'", "command: variable HOME is not set"),
        (
            "environment: {A: '${B:-$(id)}'}",
            "environment.A: a $ that begins no variable: write $$ for a literal $",
        ),
        ("user: $USER", "user: variable USER is not set"),
    ],
)
def test_a_variable_that_is_not_set_is_refused_and_no_shell_is_asked(keys: str, expected: str) -> None:
    """Rows 17 and 23."""
    assert [message.partition(";")[0] for message in service_mistakes(keys)] == [expected]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("command: 'echo \"x'", "command: cannot be cut into words: no closing quotation"),
        ("command: 3", "command: expected text or a list, got 3"),
        ("command: [true]", "command[0]: expected text, got true"),
        ('command: ["\\0"]', "command[0]: an argument may not hold NUL"),
        ("environment: [A]", f"environment[0]: {NOT_SET}"),
        ("environment: {A: }", f"environment.A: {NOT_SET}"),
        ("environment: [A=1, A=2]", 'environment[1]: "A" is there twice'),
        ("environment: {A: [1]}", "environment.A: expected text, got a list"),
        ('environment: {A: "x\\n"}', f"environment.A: {CARRY}"),
        ('environment: {A: "x\\0"}', f"environment.A: {CARRY}"),
        ('environment: {A: "x\\r"}', f"environment.A: {CARRY}"),
        (
            'environment: {A: "' + "x" * 60_000 + '"}',
            "environment.A: the value is longer than 60000 bytes, which cannot be passed by an env file",
        ),
        (
            "environment: {A B: 1}",
            "environment.\"A B\": expected a variable name of letters, digits, '_', '.' or '-', got \"A B\"",
        ),
        (
            "labels: {io.clusterctl.x: 1}",
            'labels.io.clusterctl.x: labels that begin with "io.clusterctl." belong to clusterctl',
        ),
        ('labels: {a: "x\\ny"}', "labels.a: a label may not hold NUL or a line break"),
        ("labels: {-a: 1}", 'labels.-a: expected a label key of letters, digits and . _ / - [ ], got "-a"'),
        ("user: a b", 'user: expected a user such as 1000:1000 or www-data, got "a b"'),
        ("init: yes", 'init: expected true or false, got "yes"'),
        ("stop_signal: SIGFOO", 'stop_signal: expected a signal such as SIGTERM, got "SIGFOO"'),
        (
            "stop_grace_period: 10",
            "stop_grace_period: expected a duration such as 1m30s or 500ms, got 10: the unit is missing",
        ),
        ("mem_limit: lots", 'mem_limit: expected a size such as 512m or 2g, got "lots"'),
        ("cpus: .inf", "cpus: expected a number of processors such as 0.5 or 4, got .inf"),
        ("tmpfs: run", 'tmpfs: expected an absolute path, got "run"'),
        ("tmpfs: '/run:size'", None),
        (
            "tmpfs: '/run:size=1;x'",
            'tmpfs: expected a tmpfs such as /run or /run:size=64m,mode=1777, got "/run:size=1;x"',
        ),
    ],
)
def test_a_value_that_cannot_be_taken_is_refused(keys: str, expected: str | None) -> None:
    """Rows 16 and 17."""
    if expected is None:
        playbook(f"services: {{web: {{image: nginx, {keys}}}}}\n")
    else:
        assert service_mistakes(keys) == [expected]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            "cap_add: [NET_ADMIN]",
            (
                "cap_add[0]: web has the capability NET_ADMIN: "
                "allow it in the inventory, policy.allow: {capabilities: [NET_ADMIN]}"
            ),
        ),
        (
            "cap_add: [ALL]",
            (
                "cap_add[0]: web has the capability ALL: "
                "allow it in the inventory, policy.allow: {capabilities: [ALL]}"
            ),
        ),
        ("cap_drop: [X]", 'cap_drop[0]: expected a capability such as NET_ADMIN, got "X"'),
    ],
)
def test_more_rights_than_docker_gives_need_leave(keys: str, expected: str) -> None:
    """Row 19."""
    assert [text.removeprefix("shop.yaml:1: services.web: ") for text in service_mistakes(keys)] == [expected]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("interval: 0s, test: x", ['.interval: expected a duration longer than 0, got "0s"']),
        ("retries: 0, test: x", [".retries: expected a whole number of at least 1, got 0"]),
        ("test: [curl, x]", [".test: a test begins with CMD, CMD-SHELL or NONE"]),
        ("test: [CMD]", [".test: CMD needs a command"]),
        ("test: [CMD-SHELL, a, b]", [".test: CMD-SHELL takes one text"]),
        ("test: [NONE, a]", [".test: NONE stands alone"]),
        ("test: {}", [".test: expected a command or a list, got a mapping"]),
    ],
)
def test_a_health_check_that_cannot_be_meant_is_refused(keys: str, expected: list[str]) -> None:
    assert service_mistakes(f"healthcheck: {{{keys}}}") == [
        f"shop.yaml:1: services.web.healthcheck{text}".removeprefix("shop.yaml:1: services.web.")
        for text in expected
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("mode: globl", 'deploy.mode: expected replicated or global, got "globl"'),
        (
            "mode: global, replicas: 2",
            "deploy: mode: global runs one instance on every host; leave replicas out",
        ),
        (
            "placement: {constraints: [node.role == worker]}",
            (
                'deploy.placement.constraints[0]: "node.role" is not supported: there are no managers here, every host is '
                "a worker: leave it out"
            ),
        ),
        (
            "placement: {constraints: [node.ip == 10.0.0.1]}",
            (
                'deploy.placement.constraints[0]: "node.ip" is not supported: hosts are known by name: use node.hostname'
            ),
        ),
        (
            "placement: {constraints: [engine.labels.disk == ssd]}",
            (
                'deploy.placement.constraints[0]: "engine.labels.disk" is not supported: labels of the engine are not '
                "read: use node.labels.NAME, from the inventory"
            ),
        ),
        (
            "placement: {constraints: [node.colour == red]}",
            (
                'deploy.placement.constraints[0]: "node.colour" is not supported: node.hostname, node.labels.NAME, '
                "node.platform.arch and node.platform.os are"
            ),
        ),
        (
            "placement: {preferences: [{spread: node.hostname}]}",
            (
                "deploy.placement.preferences[0].spread: instances are spread over hosts anyhow, after what is preferred: "
                "leave it out"
            ),
        ),
        (
            "placement: {preferences: [{spread: rack}]}",
            'deploy.placement.preferences[0].spread: "rack" is not supported: node.labels.NAME is',
        ),
        (
            "placement: {preferences: [{spread: node.labels.a}, {spread: node.labels.a}]}",
            "deploy.placement.preferences[1]: node.labels.a is there twice",
        ),
        ("placement: {preferences: [{}]}", 'deploy.placement.preferences[0]: "spread" is missing'),
        (
            "mode: global, placement: {max_replicas_per_node: 1}",
            "deploy: mode: global runs one instance on every host; leave max_replicas_per_node out",
        ),
        (
            "placement: {constraints: [zone]}",
            'deploy.placement.constraints[0]: expected a constraint such as node.labels.zone == a, got "zone"',
        ),
        (
            "resources: {limits: {memory: 64m}, reservations: {memory: 65m}}",
            "deploy.resources: more memory reserved than the limit allows",
        ),
        ("resources: {limits: {memory: 1m}}", "deploy.resources: docker takes no memory limit below 6m"),
        (
            "resources: {limits: {cpus: -1}}",
            "deploy.resources.limits.cpus: expected a number of processors such as 0.5 or 4, got -1",
        ),
        (
            "restart_policy: {condition: always}",
            'deploy.restart_policy.condition: expected any or on-failure or none, got "always"',
        ),
        ("update_config: {parallelism: -1}", f"deploy.update_config.parallelism: {AT_ONCE}, got -1"),
        (
            "update_config: {order: start}",
            'deploy.update_config.order: expected stop-first or start-first, got "start"',
        ),
    ],
)
def test_a_deployment_that_cannot_be_meant_is_refused(keys: str, expected: str) -> None:
    """Row 13."""
    assert service_mistakes(f"deploy: {{{keys}}}") == [expected]


def test_two_words_for_one_limit_may_not_disagree() -> None:
    found = service_mistakes("mem_limit: 64m, cpus: 1, deploy: {resources: {limits: {memory: 32m, cpus: 2}}}")

    assert found == [
        "shop.yaml:1: services.web: cpus and deploy.resources.limits.cpus differ; keep one",
        "shop.yaml:1: services.web: mem_limit and deploy.resources.limits.memory differ; keep one",
    ]


@pytest.mark.parametrize(
    "keys",
    [
        f"command: [{'a' * 60_001}]",
        f"entrypoint: [{'a' * 30_000}], command: [{'a' * 30_001}]",
        f"labels: {{a: {'a' * 60_000}}}",
        f"healthcheck: {{test: [CMD, {'a' * 60_000}]}}",
    ],
    ids=["command", "both", "labels", "healthcheck"],
)
def test_what_no_unit_has_room_for_is_refused_before_anything_is_contacted(keys: str) -> None:
    (found,) = service_mistakes(keys)

    assert found == (
        "shop.yaml:1: services.web: command, entrypoint, labels and healthcheck are longer than 60000 characters "
        "together; put long texts into a file that is mounted, or into the environment"
    )


def test_an_empty_command_alone_is_refused() -> None:
    found = service_mistakes("command: []")

    advice = "leave it out, or set entrypoint as well"
    assert found == [
        f"shop.yaml:1: services.web: an empty command does not replace the image's own; {advice}",
    ]


def test_a_key_that_is_not_supported_names_the_page_of_all_keys() -> None:
    with pytest.raises(InputError) as caught:
        playbook("services: {web: {image: nginx, build: .}}")

    assert [mistake.message for mistake in caught.value.mistakes] == [
        (
            'services.web: "build" is not supported: nothing is built here: push the image, and leave it out, or lay !reset '
            "over it with -f"
        )
    ]
    assert caught.value.next_step == (
        "docs/compose-support.md says of every key whether it is supported. Nothing was contacted."
    )
