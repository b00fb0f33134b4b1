"""Files that are laid over each other, and what they are together: for our parser and for docker-compose's.

Each case: files by name (the first is the playbook, those that it does not name itself are laid over it), what `docker-compose
config` shows of the services, and what may be asked with it.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Case(NamedTuple):
    """`together`: service -> key -> value, of the keys that matter here."""

    files: dict[str, str]
    together: dict[str, dict[str, Any]]
    named: tuple[str, ...] = ()


CASES: dict[str, Case] = {
    "scalars are replaced and mappings merged": Case(
        {
            "a.yaml": "services: {web: {image: nginx:1, user: a, healthcheck: {test: [CMD, a, b], retries: 3}}}",
            "b.yaml": "services: {web: {image: nginx:2, healthcheck: {test: [CMD, c], interval: 5s}}}",
        },
        {
            "web": {
                "image": "nginx:2",
                "user": "a",
                "healthcheck": {"test": ["CMD", "c"], "retries": 3, "interval": "5s"},
            }
        },
    ),
    "commands are replaced": Case(
        {
            "a.yaml": "services: {web: {image: nginx, command: [a, b], entrypoint: [x]}}",
            "b.yaml": "services: {web: {command: [c], entrypoint: [y, z]}}",
        },
        {"web": {"image": "nginx", "command": ["c"], "entrypoint": ["y", "z"]}},
    ),
    "environment and labels are merged by name, in either form": Case(
        {
            "a.yaml": "services: {web: {image: nginx, environment: [A=1, B=2], labels: {x: '1', y: '2'}}}",
            "b.yaml": "services: {web: {environment: {B: '3', C: '4'}, labels: [y=5, z=6]}}",
        },
        {
            "web": {
                "image": "nginx",
                "environment": {"A": "1", "B": "3", "C": "4"},
                "labels": {"x": "1", "y": "5", "z": "6"},
            }
        },
    ),
    "volumes are merged by their place in the container": Case(
        {
            "a.yaml": "services: {web: {image: nginx, volumes: ['data:/data', '/srv/a:/etc/a:ro']}}\nvolumes: {data: {}}",
            "b.yaml": "services: {web: {volumes: ['/srv/b:/etc/a', 'more:/more']}}\nvolumes: {more: {}}",
        },
        {"web": {"image": "nginx", "volumes": ["data:/data:rw", "/srv/b:/etc/a:rw", "more:/more:rw"]}},
    ),
    "other lists are appended": Case(
        {
            "a.yaml": "services: {web: {image: nginx, cap_drop: [ALL], tmpfs: [/a]}}",
            "b.yaml": "services: {web: {cap_drop: [NET_RAW], tmpfs: [/b]}}",
        },
        {"web": {"image": "nginx", "cap_drop": ["ALL", "NET_RAW"], "tmpfs": ["/a", "/b"]}},
    ),
    "a service that only one file has stays": Case(
        {"a.yaml": "services: {web: {image: nginx}}", "b.yaml": "services: {db: {image: postgres}}"},
        {"web": {"image": "nginx"}, "db": {"image": "postgres"}},
    ),
    "a service extends one of its file": Case(
        {
            "a.yaml": "services:\n"
            "  base: {image: nginx:1, environment: {A: '1', B: '2'}, cap_drop: [ALL]}\n"
            "  web: {extends: {service: base}, environment: {B: '3'}, cap_drop: [NET_RAW]}"
        },
        {
            "base": {"image": "nginx:1", "environment": {"A": "1", "B": "2"}, "cap_drop": ["ALL"]},
            "web": {"image": "nginx:1", "environment": {"A": "1", "B": "3"}, "cap_drop": ["ALL", "NET_RAW"]},
        },
    ),
    "a service extends one of another file, which extends one in turn": Case(
        {
            "a.yaml": "services: {web: {extends: {file: common.yaml, service: web}, user: me}}",
            "common.yaml": "services:\n"
            "  base: {image: nginx:1, labels: {a: '1'}}\n"
            "  web: {extends: {service: base}, labels: {b: '2'}}",
        },
        {"web": {"image": "nginx:1", "user": "me", "labels": {"a": "1", "b": "2"}}},
        named=("common.yaml",),
    ),
    "anchors and merge keys": Case(
        {
            "a.yaml": "x-common: &common {image: nginx, user: a, labels: {a: '1'}}\n"
            "services: {one: {<<: *common, user: b}, two: {<<: *common, labels: {b: '2'}}}"
        },
        {
            "one": {"image": "nginx", "user": "b", "labels": {"a": "1"}},
            "two": {"image": "nginx", "user": "a", "labels": {"b": "2"}},
        },
    ),
    "variables of .env": Case(
        {
            "a.yaml": "services: {web: {image: 'nginx:${TAG}', user: '${WHO:-nobody}', command: ['$$x', '${EMPTY-y}']}}",
            ".env": "TAG=1.27\nEMPTY=\n",
        },
        {"web": {"image": "nginx:1.27", "user": "nobody", "command": ["$$x", ""]}},
        named=(".env",),
    ),
}
