"""Ports and mounts that are refused, each message whole (bad-input rows 9 and 18)."""

from __future__ import annotations

import pytest

from clusterctl.model.inventory import Policy
from clusterctl.model.privilege import Allow
from tests.parsing.tools import service_mistakes

PORT = "expected a port such as 8080:80 or 127.0.0.1:53:53/udp"


def leave(path: str) -> str:
    return (
        f"[0]: web has the host's {path}: allow it in the inventory, policy.allow: {{host_paths: [{path}]}}"
    )


def taken(port: str) -> str:
    return f"the host's port {port} is taken by ports[0] already; publish another one"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"3005-3000:3000-3005"', "[0]: the range 3005-3000 ends before it begins"),
        (
            '"3000-3005:80"',
            (
                "[0]: 6 ports of the host for 1 of the container: the ranges must be equally long, "
                "since nobody could tell which of them is taken"
            ),
        ),
        ('"1-2000"', "[0]: the range 1-2000 has more than 1000 ports"),
        (
            '{target: 80, published: "8000-8001"}',
            "[0]: a range of the host's ports for one of the container: write one of them",
        ),
        ('"22:22:22:22"', f'[0]: {PORT}, got "22:22:22:22"'),
        ("web", f'[0]: {PORT}, got "web"'),
        ("80:0", '[0]: expected a port (1-65535), got "80:0"'),
        ("80:65536", '[0]: expected a port (1-65535), got "80:65536"'),
        ('"127.0.0.1::80"', "[0]: the host's port is missing: write IP:HOST:CONTAINER"),
        ('"127.0.0.300:80:80"', '[0]: expected an IP address, got "127.0.0.300:80:80"'),
        ("80:80/sctp", '[0]: expected tcp or udp after the /, got "80:80/sctp"'),
        ("80:80, 80:80", "[1]: the same port as on line 1"),
        ("8080:80, 8080:81", f"[1]: {taken('8080/tcp')}"),
        ("8080:80, {target: 81, published: 8080, host_ip: 127.0.0.1}", f"[1]: {taken('8080/tcp')}"),
        ("'0.0.0.0:53:53/udp', '127.0.0.1:53:54/udp'", f"[1]: {taken('53/udp')}"),
        ("'[::1]:53:53', '[::]:53:54'", f"[1]: {taken('53/tcp')}"),
        ("{published: 80}", '[0]: "target" is missing: the port in the container'),
        (
            "{target: 80, mode: ingress}",
            "[0].mode: ingress needs Swarm's network: write host, and put a load balancer before the hosts",
        ),
        ("{target: 80, publish: 8}", '[0]: unknown key "publish"; did you mean "published"?'),
    ],
)
def test_a_port_that_cannot_be_taken_is_refused(written: str, expected: str) -> None:
    """Row 9."""
    assert service_mistakes(f"ports: [{written}]") == [f"ports{expected}"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("/:/x", leave("/")),
        ("/etc:/x", leave("/etc")),
        ("//etc/./passwd:/x:ro", leave("/etc/passwd")),
        ("/var:/x", leave("/var")),
        ("/var/lib/docker/volumes:/x", leave("/var/lib/docker/volumes")),
        ("/proc/1:/x", leave("/proc/1")),
        (
            "/var/run/docker.sock:/x",
            (
                "[0]: web has docker's socket, so the whole host: "
                "allow it in the inventory, policy.allow: {docker_socket: [web]}"
            ),
        ),
        ("/srv/../etc:/x", '[0]: a path may not hold ".."'),
        ("../x:/x", "[0]: a relative path has no meaning on another host; write an absolute path"),
        ("~/x:/x", "[0]: a relative path has no meaning on another host; write an absolute path"),
        ("a:b:c:d", '[0]: expected a mount such as data:/var/lib/data or /srv/web:/web:ro, got "a:b:c:d"'),
        ("data:x", '[0]: expected an absolute path, got "data:x"'),
        (
            "data:/x:rx",
            (
                '[0]: expected ro or rw after the second colon, got "data:/x:rx": '
                "z, Z, nocopy and rshared with its kin are known too"
            ),
        ),
        ("data:/", "[0]: nothing can be mounted over the container's /"),
        ("/data", "[0]: a volume without a name is not supported: name it, NAME:/path"),
        ("dat:/x", '[0]: the volume "dat" is not declared under the file\'s volumes:; did you mean "data"?'),
        ('data:/x", "/srv:/x', "[1]: /x is mounted twice"),
    ],
)
def test_a_mount_that_cannot_be_taken_is_refused(written: str, expected: str) -> None:
    """Row 18."""
    assert service_mistakes(f'volumes: ["{written}"]') == [f"volumes{expected}"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{type: bind, source: /etc, target: /x}", [leave("/etc")]),
        ("{type: bind, source: data, target: /x}", ['[0]: type bind does not go with source "data"']),
        ("{type: volume}", ['[0]: "source" is missing', '[0]: "target" is missing']),
        (
            "{type: npipe, source: data, target: /x}",
            ['[0].type: expected volume or bind or tmpfs, got "npipe"'],
        ),
        ("{type: bind, source: /srv, target: /x, volume: {}}", ["[0]: volume: does not go with type bind"]),
        (
            "{type: bind, source: /srv, target: /x, bind: {selinux: y}}",
            ['[0].bind.selinux: expected z or Z, got "y"'],
        ),
        ("{type: volume, source: data, target: /x, image: {}}", ['[0]: "image" is not supported yet']),
    ],
)
def test_a_mount_in_the_long_form_is_checked_alike(written: str, expected: list[str]) -> None:
    """Row 18."""
    assert service_mistakes(f"volumes: [{written}]") == [f"volumes{text}" for text in expected]


def test_leave_for_one_path_is_none_for_its_neighbour() -> None:
    """Row 18."""
    found = service_mistakes(
        'volumes: ["/etc/shops:/x"]', policy=Policy(allow=Allow(host_paths=("/etc/shop",)))
    )

    assert found == [f"volumes{leave('/etc/shops')}"]
