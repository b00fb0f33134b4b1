"""What is said of updates by rpm, bootc and rpm-ostree that fail: the whole line, by the real kit with programs made up.

The first line that a program prints on its way to failing is not told, the last one is.
"""

from __future__ import annotations

from importlib import resources

import pytest

from tests.remote.packages.test_kit import Host, host, updated

__all__ = ["host"]

CHANGES = "curl.x86_64 7.88-1 7.88-2\n"
RPM = """case $1 in
  -qa) cat "$ROOT/installed" ;;
  -Va) cat "$ROOT/audit" 2>/dev/null ;;
  *) echo "curl.x86_64 7.88-1" >"$ROOT/installed" ;;
esac"""
DNF = """case $3 in
  download) touch "$5/curl.rpm" ;;
  install) [ "$4" = --downloadonly ] || echo "curl.x86_64 7.88-2" >"$ROOT/installed" ;;
esac"""
BOOTC = """case $1 in
  status) printf '{"status":{"booted":{"image":{"imageDigest":"sha256:%s"}}}}\\n' "$(cat "$ROOT/image")" ;;
  upgrade) echo new >"$ROOT/image" ;;
  rollback) echo old >"$ROOT/image" ;;
esac"""


def breaks(words: str) -> str:
    """Return a program that fails at once, with its last words."""
    return f"echo 'starting' >&2; echo '{words}' >&2; exit 1"


def offered(host: Host, file: str, *lacks: str) -> Host:
    """Give the host the kit of a driver; programs that it lacks are not looked for on this machine."""
    text = (resources.files("clusterctl.remote") / "shell" / file).read_text("utf-8") + 'main "$@"\n'
    for name in lacks:
        assert f"command -v {name}" in text
        text = text.replace(f"command -v {name}", "false")
    host.offer(changes=CHANGES, driver=text.replace("/run/ostree-booted", f"{host.root}/ostree-booted"))
    return host


@pytest.fixture
def fedora(host: Host) -> Host:
    """Give a host with rpm and dnf."""
    host.program("rpm", RPM)
    host.program("dnf", DNF)
    host.say("installed", "curl.x86_64 7.88-1\n")
    return offered(host, "updates_rpm.sh")


@pytest.fixture
def suse(host: Host) -> Host:
    """Give a host with rpm, zypper and snapper."""
    host.program("rpm", RPM)
    host.program("snapper", "")
    host.program("zypper", "")
    host.say("installed", "curl.x86_64 7.88-1\n")
    return offered(host, "updates_rpm.sh", "dnf")


@pytest.fixture
def image(host: Host) -> Host:
    """Give a host that boots a container image."""
    host.program("bootc", BOOTC)
    host.say("image", "old")
    return offered(host, "updates_image.sh")


# --- rpm -----------------------------------------------------------------------------------------


def test_an_update_by_dnf(fedora: Host) -> None:
    assert fedora.kit("stage") == (0, "1 packages are here, and those they replace")
    assert fedora.kit("arm", "900")[0] == 0
    assert fedora.kit("apply") == (0, "updated; the undo is armed")
    assert fedora.kit("undo") == (0, "back on the old versions")


def test_another_version_than_the_planned_one_is_installed(fedora: Host) -> None:
    fedora.say("installed", "curl.x86_64 7.90-1\n")

    assert fedora.kit("stage") == (
        1,
        "curl.x86_64 is 7.90-1 and not 7.88-1 any more: plan again; nothing was changed",
    )


def test_another_version_is_installed_by_the_time_it_is_applied(fedora: Host) -> None:
    fedora.kit("stage")
    fedora.say("installed", "curl.x86_64 7.90-1\n")

    assert fedora.kit("apply") == (
        1,
        "curl.x86_64 is 7.90-1 and not 7.88-1 any more: plan again; nothing was changed",
    )


def test_a_mirror_that_has_lost_the_installed_package(fedora: Host) -> None:
    fedora.program("dnf", breaks("No package curl-7.88-1.x86_64 available."))

    assert fedora.kit("stage") == (
        1,
        "the packages installed now cannot be kept: No package curl-7.88-1.x86_64 available.; nothing was changed",
    )


def test_a_mirror_that_does_not_answer_dnf(fedora: Host) -> None:
    fedora.program("dnf", f'if [ "$3" = install ]; then {breaks("Error: no mirror left to try")}; fi')

    assert fedora.kit("stage") == (1, "download failed: Error: no mirror left to try; nothing was changed")


def test_a_dnf_that_fails_takes_the_update_back(fedora: Host) -> None:
    assert fedora.kit("stage")[0] == 0
    assert fedora.kit("arm", "900")[0] == 0
    fedora.program("dnf", breaks("Error: Transaction test error: disk full"))

    assert fedora.kit("apply") == (
        2,
        (
            "the package manager failed: Error: Transaction test error: disk full; "
            "taken back: all versions and units are as before"
        ),
    )


def test_dependencies_that_do_not_fit_afterwards(fedora: Host) -> None:
    fedora.say("audit", "Unsatisfied dependencies for curl-7.88-2.x86_64: libz\n")
    fedora.program("rpm", RPM.replace('*) echo "curl', '*) rm -f "$ROOT/audit"; echo "curl'))

    assert updated(fedora) == (
        2,
        "Unsatisfied dependencies for curl-7.88-2.x86_64: libz; taken back: all versions and units are as before",
    )


def test_zypper_without_snapper(suse: Host) -> None:
    offered(suse, "updates_rpm.sh", "dnf", "snapper")

    assert suse.kit("stage") == (1, "zypper cannot go back without snapper; nothing was changed")


def test_a_mirror_that_does_not_answer_zypper(suse: Host) -> None:
    suse.program("zypper", breaks("Timeout exceeded when accessing the repository"))

    assert suse.kit("stage") == (
        1,
        "download failed: Timeout exceeded when accessing the repository; nothing was changed",
    )


# --- systems that are updated as a whole ---------------------------------------------------------


def test_an_update_by_bootc(image: Host) -> None:
    assert updated(image) == (0, "updated; the undo is armed")
    assert image.file("image") == "new"
    assert image.kit("undo") == (0, "back on the old versions")
    assert image.file("image") == "old"


def test_a_bootc_that_cannot_pull_takes_the_update_back(image: Host) -> None:
    pull = breaks("error: Pulling: no route to host")
    image.program("bootc", f'if [ "$1" = upgrade ]; then {pull}; fi\n{BOOTC}')

    assert updated(image) == (
        2,
        "the update failed: error: Pulling: no route to host; taken back: all versions and units are as before",
    )


def test_a_bootc_that_cannot_go_back(image: Host) -> None:
    assert updated(image)[0] == 0
    image.program("bootc", f'if [ "$1" = rollback ]; then {breaks("error: no rollback")}; fi\n{BOOTC}')

    assert image.kit("undo") == (1, "not wholly undone: the package manager failed")


def test_an_rpm_ostree_that_cannot_download(host: Host) -> None:
    host.say("ostree-booted")
    host.program("rpm-ostree", breaks("error: While downloading: HTTP 503"))
    offered(host, "updates_image.sh", "bootc")

    assert host.kit("stage") == (
        1,
        "download failed: error: While downloading: HTTP 503; nothing was changed",
    )
