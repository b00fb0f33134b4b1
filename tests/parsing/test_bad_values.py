"""What YAML 1.1 reads as something else, and a few values that no other list has (bad-input rows 6, 13, 18 and 22)."""

from __future__ import annotations

import pytest

from tests.parsing.tools import inventory, merged, service, service_mistakes, ssh_of


def test_names_and_labels_are_the_text_as_it_is_written() -> None:
    fleet = inventory("""
        cluster: 012
        hosts:
          no: {labels: {version: 1.10, on: no, start: 22:22, day: 2001-01-01, big: 1e3}}
          007:
        groups: {yes: [no, 007]}
    """)

    assert (fleet.cluster, fleet.names) == ("012", ("007", "no"))
    assert dict(fleet.host("no").labels) == {
        "version": "1.10", "on": "no", "start": "22:22", "day": "2001-01-01", "big": "1e3",
    }  # fmt: skip
    assert fleet.groups == {"yes": ("007", "no")}


def test_ports_and_versions_are_the_text_as_it_is_written() -> None:
    found = service("ports: [22:22], environment: {A: 1.10, B: no, C: 012, D: 1e3}, labels: {v: 1.10}")

    assert [(port.published, port.target) for port in found.ports] == [(22, 22)]
    assert dict(found.environment) == {"A": "1.10", "B": "no", "C": "012", "D": "1e3"}
    assert dict(found.labels) == {"v": "1.10"}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            "deploy: {update_config: {parallelism: -1}}",
            (
                "deploy.update_config.parallelism: expected a whole number from 0 to 10000, or a percentage such as "
                "25%, got -1"
            ),
        ),
        (
            "volumes: ['/:/x']",
            "volumes[0]: web has the host's /: allow it in the inventory, policy.allow: {host_paths: [/]}",
        ),
        ("env_file: 'oci://a/b'", "env_file: it must lie in the playbook's folder or below"),
        ("env_file: 'git://a/b'", "env_file: it must lie in the playbook's folder or below"),
        ("env_file: '~/a'", "env_file: it must lie in the playbook's folder or below"),
        (
            "extends: {file: '../a', service: b}",
            "extends.file: it must lie in the playbook's folder or below",
        ),
    ],
)
def test_a_value_that_reaches_beyond_is_refused(keys: str, message: str) -> None:
    assert service_mistakes(keys) == [message]


def test_what_ssh_would_run_here_or_share_is_left_out_and_what_is_unknown_is_noted() -> None:
    """Row 33."""
    found = merged(
        "{cluster: lab, sources: [{ssh_config: config}]}",
        files={
            "config": """
                Host a
                  ControlPath /tmp/%C
                  ControlMaster auto
                  PermitLocalCommand yes
                  LocalCommand touch /tmp/x
                  KnownHostsCommand id
                  NoSuchKey x
            """
        },
    )

    assert ssh_of(found, "a") == {}
    assert [str(note) for note in found.notes] == [
        "config:6: KnownHostsCommand has no effect here",
        "config:7: NoSuchKey has no effect here",
    ]
