"""The examples of every verb's help page: what each does, and what is typed behind `clusterctl`.

They speak of the fleet in the repository's inventory.yaml and of its playbooks. A test types each of them.
"""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("an inventory and a first playbook, from what is there", "init"),
        ("what would be done, and why", "plan shop.yaml"),
        ("do it, without a question", "apply shop.yaml --yes"),
        ("what runs where, and is it well?", "status"),
    ),
    "plan": (
        ("what would change, and why", "plan shop.yaml"),
        ("keep the plan; what is approved later is exactly this one", "plan shop.yaml --out shop.plan"),
        ("with another file laid over it, and a variable", "plan shop.yaml -f production.yaml --env TAG=1.2"),
        ("in a pipeline: exit 3 when something would change", "plan shop.yaml --detailed-exitcode"),
    ),
    "diff": (
        ("what apply would write differently", "diff shop.yaml"),
        ("who has edited units by hand?", "diff shop --detailed-exitcode"),
        ("one instance only", "diff shop-web-2"),
    ),
    "apply": (
        ("show the plan, ask, carry it out", "apply shop.yaml"),
        ("without a question", "apply shop.yaml --yes"),
        ("exactly the plan that was kept", "apply shop.plan --yes"),
        ("a host is off: go on without it", "apply shop.yaml --ignore-host web03"),
    ),
    "delete": (
        ("what would be removed?", "delete shop --dry-run"),
        ("remove all instances; volumes stay", "delete shop"),
    ),
    "rollback": (
        ("back to what ran before", "rollback shop"),
        ("to a generation that history shows", "rollback shop --to 1"),
    ),
    "scale": (
        ("four instances of one service", "scale shop/web=4"),
        ("several services of a project at once; 0 stops all", "scale shop/web=2 shop/cache=0"),
    ),
    "restart": (
        ("all instances, as many at once as update_config says", "restart shop/web"),
        ("in which order?", "restart shop/web --dry-run"),
    ),
    "move": (
        ("away from where it is", "move shop-cache-1 db2"),
        ("only look what it would take", "move shop-cache-1 db2 --dry-run"),
    ),
    "cordon": (
        ("before somebody works on the disk", "cordon web02 --reason 'disk is replaced'"),
        ("a whole failure domain", "cordon zone=a"),
    ),
    "uncordon": (
        ("let it take instances again", "uncordon web02"),
        ("all of them", "uncordon all"),
    ),
    "drain": (
        ("empty a host before its power goes", "drain web02"),
        ("two at once, where the policy allows one", "drain 'web[01-02]' --max-unavailable 2"),
    ),
    "reboot": (
        ("only hosts whose updates ask for it", "reboot all --if-needed"),
        (
            "in the night, one failure domain after the other",
            "reboot all --per-zone --window 'Sat 02:00 3h UTC'",
        ),
        ("one host first, then a quarter at once", "reboot @front --canary web01 --max-unavailable 25%"),
    ),
    "update": (
        ("what is pending, and how it can be undone", "update all --check"),
        ("security updates, one host after the other", "update all --security"),
        ("do not reboot, and undo what is not well in 5 min", "update @front --reboot never --undo-after 5m"),
    ),
    "fence status": (
        ("does every host have power?", "fence status"),
        ("the database hosts only", "fence status 'db*'"),
    ),
    "fence off": (("cut the power of a host that does not answer", "fence off db1"),),
    "fence on": (("give it back", "fence on db1"),),
    "ssh": (
        ("a shell there", "ssh web01"),
        ("one command", "ssh db1 -- df -h /var"),
        ("which ssh would be run?", "ssh web01 --print"),
    ),
    "cp": (
        ("a file to many hosts", "cp motd 'web[01-04]:/etc/motd' --sudo"),
        ("a folder", "cp certificates db1:/srv/"),
        ("from hosts: logs/web01/syslog, logs/web02/syslog, ...", "cp @front:/var/log/syslog logs"),
    ),
    "exec": (
        ("the same output is shown once", "exec all -- uname -r"),
        (
            "a pipeline is one word, for the shell there",
            "exec @front --sudo -- 'systemctl --failed | head -3'",
        ),
        ("who differs?", "exec all --diff -- cat /etc/resolv.conf"),
    ),
    "run": (
        ("what would be done, in which order", "run rolling-reboot.yaml --dry-run"),
        ("over some of its hosts only", "run rolling-reboot.yaml -H 'web*'"),
    ),
    "init": (
        ("from what is there, after questions", "init"),
        ("from names", "init --cluster shop --host 'web[1-3]' --user ops"),
        (
            "some hosts of ssh_config; only show the files",
            "init --ssh-config ssh_config --only 'web*' --dry-run",
        ),
    ),
    "inventory show": (
        ("hosts and groups, with those of all sources", "inventory show"),
        ("in which line of which file does it stand?", "inventory show web01 --source"),
    ),
    "inventory schema": (
        ("for editors that check while you write", "inventory schema > inventory.schema.json"),
    ),
    "playbook schema": (
        ("for editors that check while you write", "playbook schema > playbook.schema.json"),
    ),
    "validate": (
        ("the inventory and its sources", "validate"),
        ("playbooks too, before they are committed", "validate shop.yaml hello.yaml"),
    ),
    "status": (
        ("is everything as it should be? exit 1 if not", "status"),
        ("for a program", "status -o json"),
    ),
    "hosts": (
        ("who is there?", "hosts"),
        ("more columns, of one group", "hosts @front -o wide"),
        ("before the first contact: see their keys, and add them", "hosts trust"),
    ),
    "facts": (
        ("everything about one host", "facts db1"),
        ("of all, for a program", "facts -o json"),
    ),
    "ps": (
        ("every instance", "ps"),
        ("on some hosts", "ps 'role=web!web03'"),
        ("names only, for xargs", "ps -o name"),
    ),
    "logs": (
        ("a service, as lines come", "logs shop/web -f"),
        ("one instance, since when", "logs shop-web-2 --since '10 min ago'"),
        ("a project, the last lines of each host", "logs shop -n 20"),
    ),
    "events": (
        ("what happened since yesterday", "events"),
        ("in the last week, for a program", "events --since 7d -o json"),
    ),
    "explain": (
        ("why is it there, and why not elsewhere?", "explain shop-web-2"),
        ("where could a playbook's service go?", "explain shop/web --playbook shop.yaml"),
        ("a host: what is there, what a drain would do", "explain web02"),
    ),
    "doctor": (("what is wrong, and the command that mends it", "doctor"),),
    "audit": (("has everything a place when a host, or a zone, is lost?", "audit"),),
    "health": (
        ("the verdict on each host", "health"),
        ("why this one?", "health web03"),
        ("from cron: count the round, write metrics", "health --record --quiet --textfile clusterctl.prom"),
    ),
    "failover": (
        ("what would be started elsewhere?", "failover --dry-run"),
        ("from cron", "failover --yes --busy-ok --notify @notify.urls"),
        (
            "you have pulled its plug: what has data moves too",
            "failover --confirm-host-off db1 --reason 'is off'",
        ),
    ),
    "rebalance": (
        ("what would move, and why?", "rebalance --dry-run"),
        ("at most three moves, without a question", "rebalance --max-moves 3 --yes"),
    ),
    "timer install": (
        ("look each minute, rebalance each night", "timer install --rebalance daily"),
        ("only show what would be written", "timer install --every 2m --print"),
        ("tell a person what happened", "timer install --notify-command 'mail -s fleet ops'"),
    ),
    "timer status": (("do the jobs run, and how did they end?", "timer status"),),
    "timer remove": (("take them away again", "timer remove"),),
    "history": (
        ("generations and runs, newest first", "history"),
        ("of one project", "history shop"),
    ),
    "show": (("everything about one run of history", "show 20261122-230000-reboot-ab12"),),
    "resume": (
        ("go on with the newest run that did not end", "resume"),
        ("with this one; only show what is left", "resume 20261122-230000-reboot-ab12 --dry-run"),
    ),
    "abort": (
        ("what would be taken back?", "abort --dry-run"),
        ("take back this run", "abort 20261122-230000-reboot-ab12"),
    ),
    "lock status": (("who is at work?", "lock status"),),
    "lock release": (("its laptop is gone", "lock release --force --reason 'laptop is gone'"),),
    "completion": (
        ("bash, for everybody on this machine", "completion bash > /etc/bash_completion.d/clusterctl"),
        ("fish, in this shell", "completion fish | source"),
    ),
    "lab up": (("three hosts to try things on", "lab up --hosts 3 --name try"),),
    "lab status": (("its hosts, and the path of its inventory", "lab status --name try"),),
    "lab down": (("remove it, leave nothing behind", "lab down --name try"),),
    "lab fault": (
        ("pull the plug of a host", "lab fault kill h2 --name try"),
        ("put it back", "lab fault start h2 --name try"),
    ),
    "lab image": (
        ("a version that works", "lab image hello:1.2 --version 1.2"),
        ("a version that never gets healthy", "lab image hello:1.3 --version 1.3 --fail unhealthy"),
    ),
    "lab host-image": (("build it, and say how to run it", "lab host-image"),),
    "lab engine": (("install docker if none answers", "lab engine --install"),),
}
"""A verb as it is typed -> what an example does, and the words of it. "" is the command line itself."""
