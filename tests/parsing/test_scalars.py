"""Durations, sizes, percentages and names, one by one (bad-input rows 7 to 9 and 14)."""

from __future__ import annotations

import pytest

from clusterctl.parsing import names, scalars
from clusterctl.parsing.capabilities import parse_capability
from clusterctl.parsing.words import Expected, Unfit, did_you_mean, quoted

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1m30s", 90.0),
        ("500ms", 0.5),
        ("2h", 7200.0),
        ("1h5m30s20ms", 3930.02),
        ("2.5s", 2.5),
        ("10us", 1e-5),
        ("0", 0.0),
    ],
)
def test_a_duration_is_read_as_compose_writes_it(text: str, seconds: float) -> None:
    assert scalars.parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", "1d", "s", "-1s", "1 s", "1m30", "inf", "nan", "1e3s", "\u0661s", "99999999h"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises((Expected, Unfit)):
        scalars.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64m", 64 * 1024**2),
        ("1gb", 1024**3),
        ("512MiB", 512 * 1024**2),
        ("2048k", 2048 * 1024),
        ("300B", 300),
        ("4096", 4096),
        ("1.5g", 1536 * 1024**2),
        ("1T", 1024**4),
    ],
)
def test_a_size_is_in_binary_multiples(text: str, size: int) -> None:
    assert scalars.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "m", "-1m", "1x", "1e3", "0x10", "1_000", "nan", "9" * 18 + "g"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises((Expected, Unfit)):
        scalars.parse_size(text)


@pytest.mark.parametrize("text", ["", "10", "101%", "-1%", "nan%", "%"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(Expected):
        scalars.parse_percent(text)


@pytest.mark.parametrize(
    "text", ["0", "65536", "-1", "22a", "", "022", "2 2", "22:22", "\u0662\u0662", "1e3", "22\n"]
)
def test_a_port_is_exact(text: str) -> None:
    """Row 9."""
    with pytest.raises(Expected, match=r"^expected a port \(1-65535\)$"):
        names.parse_port(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-oProxyCommand=id",
        ".web",
        "_web",
        "web 1",
        "web;id",
        "web$(id)",
        "w`id`",
        "web\\1",
        "web\n",
        "w\u0435b",
        "w" * 254,
    ],
)
def test_a_host_name_is_from_the_allow_list(text: str) -> None:
    """Row 7; the e of the tenth is Cyrillic."""
    with pytest.raises(Expected):
        names.parse_host_name(text)


@pytest.mark.parametrize(
    "text", ["", "-x", "Root", "ro ot", "root;id", "u" * 33, "r\u043e\u043et", "root\n", "1root"]
)
def test_a_user_name_is_from_the_allow_list(text: str) -> None:
    """Row 8; the two o of the seventh are Cyrillic."""
    with pytest.raises(Expected):
        names.parse_user(text)


@pytest.mark.parametrize(
    "text", ["../x", "a/b", "@", "-x", "x" * 42, "x" * 300, "", "A", "a_b", "a.b", "x\n"]
)
def test_a_service_name_is_from_the_allow_list(text: str) -> None:
    """Row 14."""
    with pytest.raises(Expected):
        names.parse_service_name(text)


@pytest.mark.parametrize("text", ["docker", "ssh", "0", "a" * 41])
def test_a_service_may_be_called_as_a_program_is_since_our_prefix_is_added(text: str) -> None:
    """Row 14."""
    assert names.parse_service_name(text) == text


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("db1.example.com", "db1.example.com"),
        ("10.0.0.5", "10.0.0.5"),
        ("FD00:0::1", "fd00::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_an_address_is_a_name_or_exact(text: str, address: str) -> None:
    """Row 9."""
    assert names.parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "[::1]",
        "10.0.0.256",
        "1.2.3",
        "010.0.0.1",
        "fe80::1%",
        "fe80::1%a;b",
        "fe80::1%eth0%eth1",
        "::g",
        "a:22",
        "-x",
        "",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Row 9."""
    with pytest.raises((Expected, Unfit)):
        names.parse_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "nginx",
        "nginx:1.10",
        "library/nginx",
        "registry:5000/shop/web",
        "registry.example.com:5000/a/b__c/d-e:v1.2_3",
        f"nginx@{DIGEST}",
        f"localhost:5000/nginx:1@{DIGEST}",
        "[fd00::1]:5000/nginx",
    ],
)
def test_an_image_reference_is_read(text: str) -> None:
    assert names.parse_image(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Nginx",
        "nginx:",
        "nginx:-x",
        "-nginx",
        "nginx;id",
        "nginx x",
        "../nginx",
        "a//b",
        "/nginx",
        "http://registry/nginx",
        "nginx@sha256:abc",
        "nginx@md5:" + "0" * 32,
        "nginx:" + "1" * 129,
        "a/" * 200 + "b",
        "f" * 64,
        "nginx\n",
    ],
)
def test_what_is_no_image_reference_is_refused(text: str) -> None:
    with pytest.raises(Expected):
        names.parse_image(text)


def test_a_capability_is_named_with_or_without_its_prefix() -> None:
    assert parse_capability("cap_net_admin") == "NET_ADMIN"


def test_what_is_quoted_is_escaped_and_cut() -> None:
    assert quoted("a\x1b]0;t\x07\u202e") == '"a\\u001b]0;t\\u0007\\u202e"'
    assert quoted("x" * 100) == '"' + "x" * 77 + '..."'


def test_the_nearest_word_is_offered_if_there_is_one() -> None:
    assert did_you_mean("imagee", ["image", "ports"]) == '; did you mean "image"?'
    assert did_you_mean("zzz", ["image", "ports"]) == ""


@pytest.mark.parametrize(("text", "seconds"), [("30d", 2_592_000), ("720h", 2_592_000), ("1h30m", 5400)])
def test_an_age_may_be_in_days(text: str, seconds: int) -> None:
    assert scalars.parse_age(text) == seconds


@pytest.mark.parametrize("text", ["d", "-1d", "1.5d", "9999d", "30", "1d2h"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises((Expected, Unfit)):
        scalars.parse_age(text)
