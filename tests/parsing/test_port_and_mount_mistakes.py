"""Ports and mounts that are refused, each message whole (bad-input rows 9 and 18)."""

from __future__ import annotations

import pytest

from clusterctl.model.inventory import Policy
from tests.parsing.tools import service_mistakes

PORT = "expected a port such as 8080:80 or 127.0.0.1:53:53/udp"
LEAVE = "to mount it, list it in the inventory: policy.allow_host_paths"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"3000-3005:3000-3005"', "[0]: port ranges are not supported yet; write one line per port"),
        ('"22:22:22:22"', f'[0]: {PORT}, got "22:22:22:22"'),
        ("web", f'[0]: {PORT}, got "web"'),
        ("80:0", '[0]: expected a port (1-65535), got "80:0"'),
        ("80:65536", '[0]: expected a port (1-65535), got "80:65536"'),
        ('"127.0.0.1::80"', "[0]: the host's port is missing: write IP:HOST:CONTAINER"),
        ('"127.0.0.300:80:80"', '[0]: expected an IP address, got "127.0.0.300:80:80"'),
        ("80:80/sctp", '[0]: expected tcp or udp after the /, got "80:80/sctp"'),
        ("80:80, 80:80", "[1]: the same port as on line 1"),
        ("{published: 80}", '[0]: "target" is missing: the port in the container'),
        ("{target: 80, mode: ingress}", '[0].mode: expected host, got "ingress"'),
        ("{target: 80, publish: 8}", '[0]: unknown key "publish"; did you mean "published"?'),
    ],
)
def test_a_port_that_cannot_be_taken_is_refused(written: str, expected: str) -> None:
    """Row 9."""
    assert service_mistakes(f"ports: [{written}]") == [f"ports{expected}"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("/:/x", f"[0]: / belongs to the system; {LEAVE}"),
        ("/etc:/x", f"[0]: /etc belongs to the system; {LEAVE}"),
        ("//etc/./passwd:/x:ro", f"[0]: /etc/passwd belongs to the system; {LEAVE}"),
        ("/var:/x", f"[0]: /var belongs to the system; {LEAVE}"),
        ("/var/lib/docker/volumes:/x", f"[0]: /var/lib/docker/volumes belongs to the system; {LEAVE}"),
        ("/proc/1:/x", f"[0]: /proc/1 belongs to the system; {LEAVE}"),
        ("/var/run/docker.sock:/x", f"[0]: /var/run/docker.sock gives the container the whole host; {LEAVE}"),
        ("/srv/../etc:/x", '[0]: a path may not hold ".."'),
        ("../x:/x", "[0]: a relative path has no meaning on another host; write an absolute path"),
        ("~/x:/x", "[0]: a relative path has no meaning on another host; write an absolute path"),
        ("a:b:c:d", '[0]: expected a mount such as data:/var/lib/data or /srv/web:/web:ro, got "a:b:c:d"'),
        ("data:x", '[0]: expected an absolute path, got "data:x"'),
        ("data:/x:rx", '[0]: expected ro or rw after the second colon, got "data:/x:rx"'),
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
        ("{type: bind, source: /etc, target: /x}", [f"[0]: /etc belongs to the system; {LEAVE}"]),
        ("{type: bind, source: data, target: /x}", ['[0]: type bind does not go with source "data"']),
        ("{type: volume}", ['[0]: "source" is missing', '[0]: "target" is missing']),
        (
            "{type: npipe, source: data, target: /x}",
            ['[0].type: expected volume or bind or tmpfs, got "npipe"'],
        ),
        ("{type: bind, source: /srv, target: /x, bind: {}}", ['[0]: "bind" is not supported yet']),
    ],
)
def test_a_mount_in_the_long_form_is_checked_alike(written: str, expected: list[str]) -> None:
    """Row 18."""
    assert service_mistakes(f"volumes: [{written}]") == [f"volumes{text}" for text in expected]


def test_leave_for_one_path_is_none_for_its_neighbour() -> None:
    """Row 18."""
    found = service_mistakes('volumes: ["/etc/shops:/x"]', policy=Policy(allow_host_paths=("/etc/shop",)))

    assert found == [f"volumes[0]: /etc/shops belongs to the system; {LEAVE}"]
