"""The lines of a unit that run a service's own commands in its container, each within a bound."""

from __future__ import annotations

import shlex

from clusterctl.model.service import Service, ServiceHook

DOCKER = "/usr/bin/docker"
HOOK_S = 60
"""How long a command after the start may take; Compose knows no bound."""
_BEGIN_S = 30


def start_s(service: Service) -> int:
    """Return how many seconds the commands after the start may take."""
    return _BEGIN_S + HOOK_S * len(service.post_start) if service.post_start else 0


def post_start_script(service: Service, cid: str, remove: str) -> str:
    """Return the script that waits until the container runs and does the commands; "" where there are none.

    Where one fails the container is removed by `remove`: systemd runs no ExecStop after a failed ExecStartPost.
    """
    if not service.post_start:
        return ""
    look = f"{DOCKER} inspect --format '{{{{.State.Running}}}}' $(cat {cid} 2>/dev/null) 2>/dev/null"
    wait = (
        f'n=0; until [ "$({look})" = true ]; do n=$((n+1)); '
        f"[ $n -lt {_BEGIN_S * 5} ] && kill -0 $MAINPID 2>/dev/null || break; sleep 0.2; done"
    )
    calls = " && ".join(_call(hook, cid, HOOK_S) for hook in service.post_start)
    return f'{wait}; {calls} || {{ echo "a post_start command failed" >&2; {remove}; exit 1; }}'


def pre_stop_script(service: Service, cid: str) -> str:
    """Return the commands before the stop, each with a semicolon after it; a failure changes nothing."""
    return "".join(f"{_call(hook, cid, int(service.stop_grace_period_s))}; " for hook in service.pre_stop)


def _call(hook: ServiceHook, cid: str, within_s: int) -> str:
    options = [
        *([f"--user={hook.user}"] if hook.user else []),
        *([f"--workdir={hook.working_dir}"] if hook.working_dir else []),
        *(["--privileged"] if hook.privileged else []),
    ]
    # 0 would be no bound at all
    words = shlex.join(["timeout", str(max(1, within_s)), DOCKER, "exec", *options])
    return f"{words} $(cat {cid}) {shlex.join(hook.command)} </dev/null"
