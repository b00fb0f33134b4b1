from __future__ import annotations

from clusterctl.lab.ready import scarce_watches


def test_a_host_that_hangs_where_inotify_is_scarce_says_so() -> None:
    (said,) = scarce_watches("128")

    assert said == (
        "all labs of this machine share 128 inotify instances, a host takes about 9: "
        "fewer hosts, or sysctl fs.inotify.max_user_instances=1024"
    )


def test_where_there_are_many_or_it_is_unknown_nothing_is_said() -> None:
    assert scarce_watches("1024") == []
    assert scarce_watches("") == []
