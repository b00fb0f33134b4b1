# shellcheck shell=sh
# The verification of a host, for scripts made of base.sh and watch.sh.

# verify ID SETTLE_S SOAK_S INSTANCE...: the units that were failed before are on stdin, a line each
verify() {
  verify_id=$1; settle_s=$2; soak_s=$3
  shift 3
  cat >"$STAGE/failed_before"
  verify_end=$(($(now) + settle_s))
  while why=$(unsettled "$@"); do
    case $why in *" is failed") break ;; esac
    if [ "$(now)" -ge "$verify_end" ]; then why="$why, $settle_s s on"; break; fi
    sleep 1
  done
  if [ -z "$why" ]; then why=$(soaked "$soak_s" "$@"); fi
  if [ -z "$why" ]; then result "$verify_id" unchanged 0 "$# units well, nothing newly failed"; return; fi
  : >"$STAGE/log.$verify_id"
  for unit in $(newly_failed); do
    timeout 20 journalctl --quiet --no-pager -o cat -n 5 -u "$unit" >>"$STAGE/log.$verify_id" 2>/dev/null
  done
  for instance; do if [ -n "$(ailing "$instance" "$STAGE/vitals")" ]; then explain "$verify_id" "$instance"; fi; done
  result "$verify_id" failed 0 "$why"
}

# unsettled INSTANCE...: say what is not (yet) as it must be; fails when all is
unsettled() {
  vitals "$@" >"$STAGE/vitals"
  state=$(timeout 5 systemctl is-system-running 2>/dev/null)
  case $state in
    running | degraded) ;;
    *) printf 'systemd is %s\n' "${state:-silent}"; return 0 ;;
  esac
  if command -v docker >/dev/null && ! docker_answers; then echo "docker does not answer"; return 0; fi
  for instance; do
    reason=$(ailing "$instance" "$STAGE/vitals")
    if [ -n "$reason" ]; then printf '%s\n' "$reason"; return 0; fi
  done
  return 1
}

newly_failed() {
  timeout 10 systemctl list-units --failed --plain --no-legend --no-pager 2>/dev/null | awk '{ print $1 }' |
    grep -vxF -f "$STAGE/failed_before"
}

# soaked SECONDS INSTANCE...: why the host is worse than before, or does not stay well; nothing if it does
soaked() {
  soak_end=$(($(now) + $1))
  shift
  mv -f "$STAGE/vitals" "$STAGE/vitals.0"
  while :; do
    failed=$(newly_failed | tr '\n' ' ')
    if [ -n "$failed" ]; then printf 'newly failed: %s\n' "${failed% }"; return; fi
    vitals "$@" >"$STAGE/vitals"
    for instance; do
      reason=$(changed_since "$instance" "$STAGE/vitals.0" "$STAGE/vitals")
      if [ -n "$reason" ]; then printf 'clusterctl-%s.service did not stay well: %s\n' "$instance" "$reason"; return; fi
    done
    if [ "$(now)" -ge "$soak_end" ]; then return; fi
    sleep 1
  done
}
