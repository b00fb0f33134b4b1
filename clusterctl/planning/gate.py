"""The health gate of a unit: the script by which `systemctl start` waits until a container is healthy, and how long.

The unit around it is in `planning.unit`; why the gate stands there: ADR 0003.
"""

from __future__ import annotations

from clusterctl.model.placement import Instance
from clusterctl.model.service import HealthCheck
from clusterctl.planning.container import DOCKER, label_filter

GATE_SLACK_S = 30
GATE_UNKNOWN_S = 120
SETTLE_S = 2
_STATE = "{{.State.Status}}/{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}"
_CHECKS = (
    "{{if .State.Health}}{{range .State.Health.Log}}"
    'last health check: exit {{.ExitCode}}: {{printf "%.300q" .Output}}{{println}}'
    "{{end}}{{end}}"
)


def gate_seconds(check: HealthCheck | None) -> int:
    """Return the seconds within which a container must become healthy before its start has failed."""
    if check is None:
        return GATE_UNKNOWN_S
    if check.test[:1] == ("NONE",):
        return GATE_SLACK_S
    known_s = int(check.start_period_s + check.retries * (check.interval_s + check.timeout_s)) + GATE_SLACK_S
    return known_s if check.test else max(known_s, GATE_UNKNOWN_S)


def gate_script(instance: Instance, cid: str, gate_s: int) -> str:
    """Return the script that makes `systemctl start` the health gate; `cid` is the file with the container's id.

    It waits on the monotonic clock (/proc/uptime), gives up at once when the container ends or docker
    calls it unhealthy, says what the last check said, and then removes the container itself, since systemd does not
    run ExecStop after a failed ExecStartPost. Without a health check the container must have been running for SETTLE_S.
    """
    return (
        f"now() {{ read -r up _ </proc/uptime; echo ${{up%.*}}; }}; first=; end=$(($(now)+{gate_s})); "
        f"while [ $(now) -lt $end ]; do s=$({_inspect(cid, _STATE)}); case $s in "
        "running/healthy) exit 0;; "
        f'running/none) [ -n "$first" ] || first=$(now); [ $(($(now)-first)) -lt {SETTLE_S} ] || exit 0;; '
        'running/unhealthy) echo "docker calls the container unhealthy" >&2; break;; '
        "exited/*|dead/*) break;; esac; "
        'kill -0 $MAINPID 2>/dev/null || { echo "the container ended before it was healthy" >&2; break; }; '
        f'sleep 0.2; done; [ $(now) -lt $end ] || echo "not healthy within {gate_s} s" >&2; '
        f"{_inspect(cid, _CHECKS)} | grep . | tail -n 1 >&2; "
        f"{label_filter(instance)} | xargs -r {DOCKER} rm -f >/dev/null 2>&1; exit 1"
    )


def _inspect(cid: str, template: str) -> str:
    return f"{DOCKER} inspect --format '{template}' $(cat {cid} 2>/dev/null) 2>/dev/null"
