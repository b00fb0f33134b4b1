"""Several files as one playbook: merge, extends, include, profiles, variables; what docker-compose says of the same files."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from clusterctl.model.inventory import Policy
from clusterctl.model.service import Dependency, Port, Project
from clusterctl.parsing.compose.layers import Layers, assemble
from clusterctl.parsing.compose.merge import merge
from clusterctl.parsing.compose.playbook import parse_playbook
from clusterctl.parsing.yaml import Log, load_yaml
from clusterctl.parsing.yaml_core import Value
from tests.parsing.layered import CASES
from tests.parsing.tools import mistakes


def reader(files: Mapping[str, str]) -> Any:
    def read(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    return read


def plain(value: Value) -> Any:
    """Return a value as YAML's loader would give it."""
    if value.kind == "map":
        return {entry.key: plain(entry.value) for entry in value.entries}
    if value.kind == "list":
        return [plain(item) for item in value.items]
    return value.text if value.kind == "str" else value.data


def together(files: Mapping[str, str], named: tuple[str, ...] = (), **layers: Any) -> Any:
    first, *over = [name for name in files if name not in named]
    given = Layers(tuple((name, files[name]) for name in over), **layers)
    root, _ = assemble(files[first], first, reader(files), given)
    root.log.raise_if_any()
    return plain(root.value)


def project(text: str, files: Mapping[str, str] | None = None, **layers: Any) -> Project:
    over = layers.pop("over", ())
    return parse_playbook(
        dedent(text).lstrip("\n"),
        "shop.yaml",
        read_file=reader(files or {}),
        policy=Policy(),
        default_name="shop",
        layers=Layers(tuple((f"over{n}.yaml", dedent(more)) for n, more in enumerate(over, 1)), **layers),
    )


# --- merge ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_files_together_are(name: str) -> None:
    case = CASES[name]

    found = together(case.files, case.named)["services"]

    assert shown(found) == shown(case.together)


@pytest.mark.parametrize("name", CASES)
def test_docker_compose_says_the_same(name: str, tmp_path: Path) -> None:
    if not shutil.which("docker-compose"):
        pytest.skip("docker-compose is not installed (issue 5)")
    case = CASES[name]
    for file, text in case.files.items():
        (tmp_path / file).write_text(text if file == ".env" else f"version: '2.4'\n{text}\n")
    options = [word for file in case.files if file not in case.named for word in ("-f", file)]

    said = subprocess.run(
        ["docker-compose", *options, "config"], cwd=tmp_path, capture_output=True, check=True, timeout=60
    )

    services = yaml.safe_load(said.stdout)["services"]
    assert {name: shown_of(services[name], wanted) for name, wanted in case.together.items()} == shown(
        case.together
    )
    assert set(services) == set(case.together)


def shown(services: Mapping[str, Any]) -> Any:
    return {name: shown_of(keys, keys) for name, keys in services.items()}


def shown_of(keys: Mapping[str, Any], wanted: Mapping[str, Any]) -> Any:
    """Return the keys that matter in one form: no order of what has none, the long way of a volume."""
    found: dict[str, Any] = {key: keys.get(key) for key in wanted}
    if "volumes" in found:
        found["volumes"] = sorted(text if text.count(":") == 2 else f"{text}:rw" for text in found["volumes"])
    for key in ("cap_drop", "tmpfs"):
        if key in found:
            found[key] = sorted(found[key])
    return json.loads(json.dumps(found).replace("$$", "$"))


def test_ports_are_merged_by_all_that_they_are() -> None:
    found = together(
        {
            "a.yaml": "services: {web: {image: nginx, ports: ['80:80', '127.0.0.1:81:80/udp']}}",
            "b.yaml": "services: {web: {ports: [{target: 80, published: 80}, '8080:80']}}",
        }
    )

    assert found["services"]["web"]["ports"] == [
        {"target": 80, "published": 80},
        "127.0.0.1:81:80/udp",
        "8080:80",
    ]


def test_dependencies_are_merged_by_name_in_either_form() -> None:
    found = together(
        {
            "a.yaml": "services: {web: {image: nginx, depends_on: [db, cache]}}",
            "b.yaml": "services: {web: {depends_on: {db: {condition: service_healthy}}}}",
        }
    )

    assert found["services"]["web"]["depends_on"] == {
        "db": {"condition": "service_healthy"},
        "cache": {"condition": "service_started"},
    }


@pytest.mark.parametrize(
    ("base", "over", "expected"),
    [
        ("ports: ['80:80']", "ports: null", {"ports": ["80:80"]}),
        ("labels: {a: b}", "labels: null", {"labels": {"a": "b"}}),
        ("dns: 192.0.2.1", "dns: [192.0.2.2]", {"dns": ["192.0.2.1", "192.0.2.2"]}),
        ("tmpfs: [/a]", "tmpfs: /b", {"tmpfs": ["/a", "/b"]}),
        (
            "logging: {driver: syslog, options: {tag: a}}",
            "logging: {driver: json-file, options: {max-size: 1m}}",
            {"logging": {"driver": "json-file", "options": {"max-size": "1m"}}},
        ),
        (
            "logging: {driver: syslog, options: {tag: a}}",
            "logging: {driver: syslog, options: {syslog-facility: daemon}}",
            {"logging": {"driver": "syslog", "options": {"tag": "a", "syslog-facility": "daemon"}}},
        ),
    ],
)
def test_what_is_said_shortly_takes_nothing_away(base: str, over: str, expected: dict[str, Any]) -> None:
    found = together({"a.yaml": f"services: {{web: {{{base}}}}}", "b.yaml": f"services: {{web: {{{over}}}}}"})

    assert found["services"]["web"] == expected


_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 99) | st.sampled_from(["a", "80:80", "A=1", "/x:/y"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["image", "ports", "environment", "a", "volumes", "logging"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
_files = st.dictionaries(
    st.sampled_from(["services", "volumes", "x-a"]),
    st.dictionaries(st.sampled_from(["web", "db"]), _values),
    max_size=3,
).map(json.dumps)


@given(st.lists(_files, min_size=1, max_size=3))
def test_any_files_are_together_in_one_way(texts: list[str]) -> None:
    values = [load_yaml(text, Log("f"), merges=True) for text in texts]

    whole = functools.reduce(merge, values)

    assert {entry.key for entry in whole.entries} == {
        entry.key for value in values for entry in value.entries
    }
    assert plain(merge(whole, Value("map", 0))) == plain(whole)


_text = st.sampled_from(["a", "b"])
_service = st.fixed_dictionaries(
    {},
    optional={
        "image": _text,
        "cap_drop": st.none() | st.lists(_text, max_size=3),
        "ports": st.none() | st.lists(st.sampled_from(["80:80", "81:80", "80:80/udp"]), max_size=3),
        "environment": st.none() | st.dictionaries(_text, _text) | st.lists(st.sampled_from(["a=1", "b=2"])),
        "logging": st.dictionaries(st.just("options"), st.dictionaries(_text, _text)),
        "deploy": st.none() | st.dictionaries(_text, _text),
    },
)
_shaped = st.dictionaries(st.sampled_from(["web", "db"]), _service).map(lambda s: json.dumps({"services": s}))


@given(_shaped, _shaped, _shaped)
def test_files_that_agree_on_what_is_a_list_may_be_merged_in_any_grouping(
    one: str, two: str, three: str
) -> None:
    a, b, c = (load_yaml(text, Log("f"), merges=True) for text in (one, two, three))
    assert plain(merge(merge(a, b), c)) == plain(merge(a, merge(b, c)))


def test_reset_takes_away_and_override_puts_in_its_place() -> None:
    found = together(
        {
            "a.yaml": "services: {web: {image: nginx, build: ., ports: ['80:80'], environment: {A: '1', B: '2'}}}",
            "b.yaml": "services: {web: {build: !reset null, ports: !override ['81:80'], environment: {A: !reset x}}}",
        }
    )

    assert found["services"]["web"] == {"image": "nginx", "ports": ["81:80"], "environment": {"B": "2"}}


def test_a_mistake_names_the_file_that_it_stands_in() -> None:
    found = mistakes(
        lambda: project(
            "services:\n  web: {image: nginx, ports: ['x:y']}\n",
            over=("services:\n  web:\n    replicas: 3\n", "services:\n  db: {image: postgres, user: $WHO}\n"),
        )
    )

    assert found == [
        'over1.yaml:3: services.web: unknown key "replicas"',
        (
            "over2.yaml:2: services.db.user: variable WHO is not set; set it in .env, by --env WHO=VALUE or --env-file, or "
            "give a default: ${WHO:-VALUE}"
        ),
        'shop.yaml:2: services.web.ports[0]: expected a port such as 8080:80 or 127.0.0.1:53:53/udp, got "x:y"',
    ]


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ("- a\n", "over1.yaml:1: expected a mapping, got a list"),
        ("", "over1.yaml: the file is empty"),
        ("a: [1", "over1.yaml:2: not valid YAML: did not find expected ',' or ']'"),
    ],
)
def test_a_file_that_is_none_is_named(over: str, message: str) -> None:
    assert mistakes(lambda: project("services: {web: {image: nginx}}", over=(over,))) == [message]


def test_tags_of_the_merge_are_for_playbooks_only() -> None:
    found = mistakes(lambda: project("services: {web: {image: nginx, user: !mine a}}"))

    assert found == ['shop.yaml:1: the tag "!mine" is not allowed; leave it out']


# --- variables -----------------------------------------------------------------------------------


def test_a_variable_may_be_a_number_or_a_flag() -> None:
    found = project(
        "services: {web: {image: 'nginx:$TAG', init: '$INIT', deploy: {replicas: '${COUNT}'}, ports: ['$PORT:80']}}",
        {".env": "TAG=1.10\nINIT=true\nCOUNT=3\nPORT=8080\n"},
    ).services[0]

    assert (found.image, found.init, found.replicas) == ("nginx:1.10", True, 3)
    assert found.ports == (Port(80, 8080),)


def test_what_is_given_counts_more_than_files_and_files_more_than_dotenv() -> None:
    text = "services: {web: {image: nginx, environment: {A: $A, B: '${B-none}', C: '${C-none}'}}}"

    found = project(
        text,
        {".env": "C=dotenv\n"},
        env_files=(("one.env", "A=1\nB=1\n"), ("two.env", "B=2\n")),
        variables={"A": "0"},
    )

    assert found.services[0].environment == {"A": "0", "B": "2", "C": "none"}


def test_an_empty_value_is_text_and_not_nothing() -> None:
    assert project("services: {web: {image: nginx, environment: {A: '${B-}'}}}").services[0].environment == {
        "A": ""
    }


def test_the_operators_environment_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHO", "me")

    found = mistakes(lambda: project("services: {web: {image: nginx, user: $WHO}}"))

    assert [message.partition(";")[0] for message in found] == [
        "shop.yaml:1: services.web.user: variable WHO is not set"
    ]


def test_mistakes_of_env_files_name_file_and_line() -> None:
    found = mistakes(
        lambda: project("services: {web: {image: nginx}}", env_files=(("x.env", "A=1\nB\n1C=2\n"),))
    )

    assert found == [
        "x.env:2: B: has no value; values are not taken from the operator's environment, so write NAME=VALUE",
        "x.env:3: expected a variable name of letters, digits, '_', '.' or '-', got \"1C\"",
    ]


# --- extends and include --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "files", "message"),
    [
        (
            "services: {a: {extends: b}, b: {extends: {service: a}}}",
            {},
            "shop.yaml:1: services.a.extends: services extend one another in a circle: b -> a -> b",
        ),
        (
            "services: {web: {extends: {service: wbe}}}",
            {},
            'shop.yaml:1: services.web.extends: no service "wbe" in this file; did you mean "web"?',
        ),
        (
            "services: {web: {extends: {service: x, file: c.yaml}}}",
            {},
            'shop.yaml:1: services.web.extends: no file "c.yaml"',
        ),
        (
            "services: {web: {extends: {service: x, file: c.yaml}}}",
            {"c.yaml": "services: {y: {image: a}}"},
            'shop.yaml:1: services.web.extends: no service "x" in "c.yaml"',
        ),
        (
            "services: {web: {extends: {service: x, file: ../c.yaml}}}",
            {},
            "shop.yaml:1: services.web.extends.file: it must lie in the playbook's folder or below",
        ),
        (
            "services: {web: {extends: {service: x, file: 'https://example.org/c.yaml'}}}",
            {},
            "shop.yaml:1: services.web.extends.file: it must lie in the playbook's folder or below",
        ),
        (
            "include: [b.yaml]\nservices: {web: {image: a}}",
            {"b.yaml": "include: [shop.yaml]\nservices: {b: {image: b}}"},
            "b.yaml:1: include[0]: files include one another in a circle: shop.yaml -> b.yaml -> shop.yaml",
        ),
        (
            "include: [b.yaml]\nservices: {web: {image: a}}",
            {"b.yaml": "services:\n  web: {image: b}"},
            'shop.yaml:1: include[0]: "b.yaml" has services.web, which is at shop.yaml:2 too',
        ),
        (
            "include: ['git@example.org:a/b']\nservices: {web: {image: a}}",
            {},
            'shop.yaml:1: include[0]: no file "git@example.org:a/b"',
        ),
        (
            "include: [{path: b.yaml, project_directory: x}]\nservices: {web: {image: a}}",
            {"b.yaml": "services: {b: {image: b}}"},
            'shop.yaml:1: include[0]: "project_directory" is not supported: paths belong to the folder of the playbook',
        ),
        (
            "include: [{path: b.yaml, env_file: x}]\nservices: {web: {image: a}}",
            {"b.yaml": "services: {b: {image: b}}"},
            'shop.yaml:1: include[0]: "env_file" is not supported: variables come from .env beside the playbook, or --env-file',
        ),
    ],
)
def test_what_another_file_cannot_give(text: str, files: dict[str, str], message: str) -> None:
    assert mistakes(lambda: project(text, files))[0] == message


def test_included_files_bring_their_services_and_volumes() -> None:
    found = project(
        "include: [{path: [db/db.yaml]}]\nservices: {web: {image: nginx, depends_on: [db]}}",
        {
            "db/db.yaml": "services: {db: {image: 'postgres:$V', volumes: ['data:/var/lib']}}\nvolumes: {data: {}}",
            ".env": "V=16\n",
        },
    )

    assert [service.name for service in found.services] == ["db", "web"]
    assert found.services[0].image == "postgres:16"
    assert found.volumes == ("data",)


def test_env_files_of_an_extended_service_are_those_beside_it() -> None:
    found = project(
        "services: {web: {extends: {service: web, file: common/c.yaml}}}",
        {"common/c.yaml": "services: {web: {image: nginx, env_file: [a.env]}}", "common/a.env": "A=1\n"},
    )

    assert found.services[0].environment == {"A": "1"}


# --- profiles ------------------------------------------------------------------------------------

WITH_PROFILES = """
services:
  web: {image: nginx}
  debug: {image: busybox, profiles: [debug]}
  admin: {image: busybox, profiles: [debug, ops]}
"""


@pytest.mark.parametrize(
    ("profiles", "names"),
    [
        ((), ["web"]),
        (("debug",), ["admin", "debug", "web"]),
        (("ops",), ["admin", "web"]),
        (("*",), ["admin", "debug", "web"]),
    ],
)
def test_services_are_there_when_one_of_their_profiles_is(
    profiles: tuple[str, ...], names: list[str]
) -> None:
    found = project(WITH_PROFILES, profiles=frozenset(profiles))

    assert [service.name for service in found.services] == names


def test_a_profile_that_no_service_has_is_a_slip() -> None:
    assert mistakes(lambda: project(WITH_PROFILES, profiles=frozenset({"debgu"}))) == [
        'shop.yaml:1: no service has the profile "debgu"; did you mean "debug"?'
    ]


def test_a_file_of_which_every_service_has_a_profile_says_how_to_ask_for_one() -> None:
    text = "services: {a: {image: x, profiles: [one]}, b: {image: x, profiles: [two, one]}}"

    assert mistakes(lambda: project(text)) == [
        "shop.yaml:1: services: every service has a profile, and none is asked for; add --profile one or --profile two"
    ]


@pytest.mark.parametrize("false", ["false", "False"])
def test_a_dependency_that_need_not_be_there_goes_with_its_profile(false: str) -> None:
    text = f"""
        services:
          web: {{image: nginx, depends_on: {{debug: {{condition: service_started, required: {false}}}}}}}
          debug: {{image: busybox, profiles: [debug]}}
    """

    off, on = project(text), project(text, profiles=frozenset({"debug"}))

    assert [service.depends_on for service in off.services] == [()]
    assert {service.name: service.depends_on for service in on.services} == {
        "debug": (),
        "web": (Dependency("debug"),),
    }


def test_a_dependency_on_what_is_off_says_which_profile() -> None:
    found = mistakes(
        lambda: project(
            """
            services:
              web:
                image: nginx
                depends_on: [debug]
              debug: {image: busybox, profiles: [debug, ops]}
            """
        )
    )

    assert found == [
        'shop.yaml:4: services.web.depends_on: "debug" is there only with --profile debug or --profile ops'
    ]
