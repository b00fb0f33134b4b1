"""Pulling an image on a host: once where that does it, three times where the registry only has too much to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterctl.model.step import PullImage
from tests.remote.shell_host import ShellHost

IMAGE = f"registry.lab:5000/web@sha256:{'a' * 64}"
PULL = PullImage("h1", IMAGE, "not there")


@pytest.fixture
def host(tmp_path: Path) -> ShellHost:
    """Give a host without the image, on which waiting is written down and takes no time."""
    host = ShellHost(tmp_path)
    host.program("sleep", f'echo "$1" >>{tmp_path}/waited')
    return host


def pulls(host: ShellHost, *answers: str) -> None:
    """Have docker pull answer so, one after the other ("" is success), and then succeed."""
    for number, answer in enumerate(answers, 1):
        host.write(f"answer.{number}", answer)
    host.program(
        "docker",
        f'cd {host.root}; [ "$1" = pull ] || exit 1\n'
        "echo >>pulled; answer=answer.$(wc -l <pulled)\n"
        '[ -s "$answer" ] || exit 0\n'
        'cat "$answer" >&2; exit 1',
    )


def told(host: ShellHost) -> tuple[str, str, int]:
    """Return how the step ended, why, and how often docker was asked."""
    (result,) = host.run(PULL)
    return result.status, result.detail, host.read("pulled").count("\n")


@pytest.mark.parametrize(
    "words",
    [
        "toomanyrequests: You have reached your pull rate limit.",
        "Error response from daemon: received unexpected HTTP status: 503 Service Unavailable",
        'Get "https://registry.lab:5000/v2/": net/http: TLS handshake timeout',
        "read tcp 10.0.0.1:4711->10.0.0.9:443: read: connection reset by peer",
        "unexpected EOF",
    ],
)
def test_what_passes_by_itself_is_waited_for(host: ShellHost, words: str) -> None:
    pulls(host, words, words)

    assert told(host) == ("changed", "", 3)
    first, second = map(int, host.read("waited").split())
    assert 5 <= first < 15
    assert 10 <= second < 20


def test_after_three_times_it_has_failed(host: ShellHost) -> None:
    pulls(host, *["toomanyrequests: not now"] * 4)

    assert told(host) == ("failed", f"docker pull {IMAGE} (3 times): toomanyrequests: not now", 3)


@pytest.mark.parametrize(
    "words", ["unauthorized: authentication required", "manifest unknown", "no space left on device"]
)
def test_what_does_not_pass_is_told_at_once(host: ShellHost, words: str) -> None:
    pulls(host, words)

    assert told(host) == ("failed", f"docker pull {IMAGE}: {words}", 1)
    assert not (host.root / "waited").exists()


def test_an_image_that_is_there_is_not_pulled(host: ShellHost) -> None:
    (result,) = host.run(PULL)

    assert result.status == "unchanged"


def test_a_pull_that_does_not_end_is_told(host: ShellHost) -> None:
    pulls(host, "never")
    host.program("timeout", '[ "$1" -lt 800 ] || exit 124; shift; exec "$@"')

    (result,) = host.run(PULL)

    assert (result.status, result.detail) == (
        "failed",
        f"docker pull {IMAGE}: it did not end within 15 minutes",
    )
