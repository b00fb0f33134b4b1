"""`networks`, `configs` and `secrets`: what they are read as, and what is refused."""

from __future__ import annotations

import pytest

from clusterctl.model.network import Network, NetworkUse
from clusterctl.model.service import File, Volume
from tests.parsing.tools import mistakes, playbook, service, service_mistakes


def in_file(text: str, **files: str) -> list[str]:
    found = mistakes(
        lambda: playbook(text, files={name.replace("_", "."): body for name, body in files.items()})
    )
    return [line.removeprefix("shop.yaml:") for line in found]


def test_a_service_that_names_no_network_is_in_the_default_one_as_ever() -> None:
    assert service("x-a: b").networks == ()
    assert service("networks: [default]").networks == ()


def test_networks_are_read_with_all_that_is_said_of_them() -> None:
    project = playbook("""
        services:
          web:
            image: nginx
            networks:
              back: {priority: 10, ipv4_address: 172.28.0.9}
              front: {aliases: [www, www.example.com]}
          db: {image: redis, networks: [back]}
          job: {image: nginx}
        networks:
          default: {internal: true}
          back:
            driver: bridge
            attachable: true
            enable_ipv6: true
            driver_opts: {com.docker.network.driver.mtu: 1400}
            ipam: {driver: default, config: [{subnet: 172.28.0.0/16, gateway: 172.28.0.1, ip_range: 172.28.5.0/24}]}
            labels: {team: blue}
          front: {external: true, name: proxy}
    """)

    back = Network(
        "back",
        ipv6=True,
        options=(("com.docker.network.driver.mtu", "1400"),),
        pools=(("172.28.0.0/16", "172.28.0.1", "172.28.5.0/24"),),
        labels=(("team", "blue"),),
    )
    front = Network("front", "proxy", external=True)
    assert {one.name: one.networks for one in project.services} == {
        "db": (NetworkUse(back),),
        "job": (NetworkUse(Network("default", internal=True)),),
        "web": (NetworkUse(back, ipv4="172.28.0.9"), NetworkUse(front, ("www", "www.example.com"))),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "networks: {a: {driver: macvlan}}",
            (
                "2: networks.a.driver: macvlan is not supported: networks are bridges of one host; across hosts publish "
                "ports, or name a network that every host has with external: true"
            ),
        ),
        (
            "networks: {a: {external: true, internal: true}}",
            "2: networks.a: external: true means that it is there already; leave all but name out",
        ),
        ("networks: {a: {ipam: {config: [{}]}}}", '2: networks.a.ipam.config[0]: "subnet" is missing'),
        (
            "networks: {a: {ipam: {config: [{subnet: 10.0.0.1}]}}}",
            '2: networks.a.ipam.config[0].subnet: expected a subnet such as 172.28.0.0/16, got "10.0.0.1"',
        ),
        (
            "secrets: {a: {external: true}}",
            "2: secrets.a: external: true is not supported: no host keeps secrets by themselves; name a file",
        ),
        (
            "secrets: {a: {external: {name: b}}}",
            "2: secrets.a: external: true is not supported: no host keeps secrets by themselves; name a file",
        ),
        ("secrets: {a: {}}", "2: secrets.a: needs file or environment"),
        (
            "configs: {a: {file: a.txt, content: b}}",
            "2: configs.a: needs file, environment or content, one of them",
        ),
        (
            "secrets: {a: {environment: TOKEN}}",
            (
                "2: secrets.a.environment: variable TOKEN is not set; set it in .env, by --env-file, or give that of your "
                "environment by --env TOKEN"
            ),
        ),
        (
            "secrets: {a: {environment: A=1}}",
            "2: secrets.a.environment: expected a variable name of letters, digits, '_', '.' or '-', got \"A=1\"",
        ),
        (
            "secrets: {a: {file: ../a}}",
            "2: secrets.a.file: the file must lie in the playbook's folder or below",
        ),
        ("secrets: {a: {file: none}}", '2: secrets.a: no file "none"'),
        ("secrets: {a: {file: big.txt}}", "2: secrets.a: holds more than 500 KiB"),
        (
            "secrets: {a/b: {file: a.txt}}",
            "2: secrets.a/b: expected a name of letters, digits, '.', '_' or '-', at most 64 long, got \"a/b\"",
        ),
    ],
)
def test_what_cannot_be_declared_is_refused(text: str, expected: str) -> None:
    found = in_file(f"services: {{web: {{image: nginx}}}}\n{text}\n", a_txt="a", big_txt="x" * 512_001)

    assert expected in found


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("networks: [bck]", 'networks: the network "bck" is not declared under the file\'s networks:'),
        ("network_mode: none, networks: [default]", "networks and network_mode cannot be together; keep one"),
        ("secrets: [token]", 'secrets[0]: the secret "token" is not declared under the file\'s secrets:'),
        ("secrets: [{target: x}]", 'secrets[0]: "source" is missing'),
        (
            "networks: {default: {mac_address: x}}",
            'networks.default: "mac_address" is not supported yet',
        ),
    ],
)
def test_what_is_not_declared_cannot_be_used(keys: str, expected: str) -> None:
    assert [text.removeprefix("shop.yaml:1: services.web: ") for text in service_mistakes(keys)] == [expected]


def test_configs_and_secrets_are_read_with_their_content() -> None:
    project = playbook(
        """
        services:
          web:
            image: nginx
            secrets: [token, {source: token, target: deep/other, uid: "1000", gid: 33, mode: 0400}]
            configs: [conf, {source: conf, target: /etc/web.conf, mode: "0o600"}]
        secrets: {token: {file: token.txt}}
        configs: {conf: {content: "a $$b\\n"}}
        """,
        files={"token.txt": "s3cret"},
    )

    assert project.services[0].files == (
        File("secret", "token", "/run/secrets/token", "s3cret"),
        File("secret", "token", "/run/secrets/deep/other", "s3cret", 1000, 33, 0o400),
        File("config", "conf", "/conf", "a $b\n"),
        File("config", "conf", "/etc/web.conf", "a $b\n", mode=0o600),
    )
    assert "s3cret" not in repr(project)


def test_a_secret_or_config_may_be_a_variable_of_the_playbook() -> None:
    project = playbook(
        """
        services:
          web: {image: nginx, secrets: [{source: token, mode: 0400}], configs: [motd], environment: [TOKEN, MOTD=x]}
        secrets: {token: {environment: TOKEN, name: shop_token}}
        configs: {motd: {environment: MOTD}}
        """,
        files={".env": "TOKEN='s3$cret'\nMOTD=\n"},
    )

    assert project.services[0].files == (
        File("secret", "token", "/run/secrets/token", "s3$cret", mode=0o400),
        File("config", "motd", "/motd", ""),
    )
    assert project.services[0].environment == {"TOKEN": "s3$cret", "MOTD": "x"}


def test_external_may_be_written_with_a_name_as_files_of_old_do() -> None:
    project = playbook("""
        services: {web: {image: nginx, volumes: ["d:/d"], networks: [n]}}
        volumes: {d: {external: {name: prod_d}}}
        networks: {n: {external: {name: prod_n}, name: prod_n}}
    """)

    assert project.services[0].mounts[0].volume == Volume("prod_d", external=True)
    assert project.services[0].networks == (NetworkUse(Network("n", "prod_n", external=True)),)


def test_two_files_cannot_be_in_one_place() -> None:
    found = in_file(
        "services: {web: {image: nginx, secrets: [a, {source: a, target: a}]}}\nsecrets: {a: {file: a.txt}}\n",
        a_txt="a",
    )

    assert found == ["1: services.web.secrets: /run/secrets/a is there twice"]


def test_all_files_together_have_a_bound() -> None:
    """Manifests lie on every host, in four copies, and are read with every look."""
    text = "services: {web: {image: nginx, secrets: [{source: a, target: b}, {source: a, target: c}, a]}}\n"

    found = in_file(f"{text}secrets: {{a: {{file: a.txt}}}}\n", a_txt="x" * 500_000)

    assert found == [
        "1: configs and secrets of all services hold 1464 KiB together; at most 1024 are kept on every host"
    ]


@pytest.mark.parametrize("mode", ["4755", "x", "12"])
def test_rights_of_a_secret_are_plain(mode: str) -> None:
    found = in_file(
        f"services: {{web: {{image: nginx, secrets: [{{source: a, mode: {mode}}}]}}}}\nsecrets: {{a: {{file: a.txt}}}}\n",
        a_txt="a",
    )

    assert len(found) == 1
    assert found[0].startswith("1: services.web.secrets[0].mode: ")


@pytest.mark.parametrize(
    ("use", "network", "words"),
    [
        (
            "{ipv4_address: 10.0.0.5}",
            "{ipam: {config: [{subnet: 172.28.0.0/16}]}}",
            "it is not in 172.28.0.0/16",
        ),
        ("{ipv6_address: 'fd00::5'}", "{}", "the network needs ipam with a subnet that holds it"),
    ],
)
def test_an_address_that_docker_could_not_give_is_refused(use: str, network: str, words: str) -> None:
    (line,) = in_file(f"""
        services:
          web: {{image: nginx, networks: {{back: {use}}}}}
        networks: {{back: {network}}}
    """)

    assert line.startswith("2: services.web: networks.back: ")
    assert line.endswith(f": {words}")


def test_an_address_is_for_one_instance_on_a_host() -> None:
    text = """
        services:
          web: {{image: nginx, networks: {{back: {{ipv4_address: 172.28.0.5}}}}, deploy: {{replicas: 2{more}}}}}
        networks: {{back: {{ipam: {{config: [{{subnet: 172.28.0.0/16}}]}}}}}}
    """

    assert in_file(text.format(more="")) == [
        (
            "2: services.web: networks.back: 172.28.0.5: 2 replicas on one host cannot all have it; "
            "write max_replicas_per_node: 1"
        )
    ]
    assert playbook(text.format(more=", placement: {max_replicas_per_node: 1}")).services[0].replicas == 2


def test_the_address_in_an_external_network_is_not_doubted() -> None:
    found = playbook("""
        services:
          web: {image: nginx, networks: {back: {ipv4_address: 10.0.0.5}}}
        networks: {back: {external: true}}
    """)

    assert found.services[0].networks[0].ipv4 == "10.0.0.5"
