# shellcheck shell=sh
# The update of one run on one host, complete in one file: kept as /var/lib/clusterctl/updates/RUN/kit.sh with the
# functions of a driver (updates_apt.sh, ...) after it, and `main` as the last line. It needs neither network
# nor operator to undo. Usage: sh kit.sh stage | arm DELAY_S | apply | commit | undo | timer
# Says one line on stdout; exits 0 changed, 3 unchanged, 1 failed, 2 failed and all is as before.
# Of a driver: drv_stage, drv_ready, drv_before, drv_apply, drv_list, drv_audit, drv_undo, drv_units, drv_kernel.
LC_ALL=C; export LC_ALL
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
DIR=${0%/*}; RUN=${DIR##*/}; ALL=${DIR%/*}
LOG=$DIR/log
TIMER=/etc/systemd/system/clusterctl-undo.timer
# not clusterctl-*.service: those are instances
SERVICE=/etc/systemd/system/clusterctl.undo.service
SETTLE_S=60; WATCH_S=5; KEPT_KIB=2097152

say() { printf '%s\n' "$1"; printf '%s: %s\n' "$(date '+%F %T')" "$1" >>"$LOG"; }
fail() { if [ -s "$DIR/why" ]; then cat "$DIR/why"; else tail -n 20 "$LOG"; fi >&2; say "$1"; exit "${2:-1}"; }
tell() { logger -t clusterctl "update $RUN: $1" 2>/dev/null; }

# keep TEXT FILE: written whole, and on the disk
keep() { printf '%s\n' "$1" >"$2.tmp" && sync "$2.tmp" && mv -f "$2.tmp" "$2" && sync "$ALL" "$DIR"; }
first() { line=; if [ -r "$1" ]; then IFS= read -r line <"$1"; fi; printf '%s' "$line"; }
state() { first "$DIR/state"; }
uptime_s() { read -r up _ </proc/uptime; printf '%s' "${up%.*}"; }
boot_id() { first /proc/sys/kernel/random/boot_id; }

# login: which SSH session this is (process and its start), or nothing
login() {
  pid=$$
  while [ "$pid" -gt 1 ]; do
    case $(first "/proc/$pid/comm") in sshd*) awk -v boot="$(boot_id)" '{ print boot, $1, $22 }' "/proc/$pid/stat"; return ;; esac
    pid=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")
  done
}

# Units that run or listen, without those that come and go with a login or by themselves
running() {
  systemctl list-units --type=service,socket --state=running,listening --plain --no-legend --no-pager |
    awk '$1 !~ /^(user@|run-|session-|ssh@|sshd@|clusterctl\.undo)/ { print $1 }' | sort
}
failed() { systemctl list-units --failed --plain --no-legend --no-pager | awk '{ print $1 }' | sort; }

# show UNIT...: id, load, active, sub, enabled, restarts; one line each
show() {
  systemctl show -p Id,LoadState,ActiveState,SubState,UnitFileState,NRestarts -- "$@" |
    awk -F= 'function out() { if (id) print id, l, a, s, u == "" ? "-" : u, n + 0; id = "" }
      /^$/ { out() } $1 == "Id" { id = $2 } $1 == "LoadState" { l = $2 } $1 == "ActiveState" { a = $2 }
      $1 == "SubState" { s = $2 } $1 == "UnitFileState" { u = $2 } $1 == "NRestarts" { n = $2 } END { out() }'
}
# unit names hold no blanks; the list is split on purpose
# shellcheck disable=SC2046
show_running() { if [ -s "$DIR/running" ]; then show $(cat "$DIR/running"); fi; }

# worse: which units are worse off than before the update, one line each; nothing when all is as before
worse() {
  waited=0
  while [ "$waited" -lt "$SETTLE_S" ] && systemctl list-jobs --no-legend --no-pager | grep -qv 'clusterctl\.undo'; do
    sleep 1; waited=$((waited + 1))
  done
  show_running >"$DIR/watch"
  sleep "$WATCH_S"
  failed | grep -vxF -f "$DIR/failed" | sed 's/$/ is failed/'
  show_running | awk -v seen="$DIR/watch" 'BEGIN { while ((getline line < seen) > 0) { split(line, w, " "); was[w[1]] = w[6] } }
    $2 != "loaded" || $3 == "failed" { next }
    $4 == "auto-restart" || $6 > was[$1] + 0 { print $1 " restarts again and again"; next }
    ($3 == "inactive" || $3 == "deactivating") && ($5 == "enabled" || $1 ~ /^clusterctl-/) { print $1 " does not run any more" }'
}

# revive: what ran before runs again
revive() {
  systemctl daemon-reload
  failed | grep -vxF -f "$DIR/failed" | while read -r unit; do systemctl reset-failed "$unit"; done
  show_running | while read -r unit load active _; do
    if [ "$load" = loaded ] && [ "$active" != active ]; then timeout 120 systemctl start "$unit" </dev/null; fi
  done
}

arm() {
  case $(state) in
    undone) fail "came back on the old version: the update was undone here" ;;
    committed) say "the update is committed already"; exit 3 ;;
  esac
  armed=$(first "$ALL/armed")
  if [ -n "$armed" ] && [ "$armed" != "$RUN" ]; then fail "the update of run $armed still waits to be committed or undone"; fi
  cat >"$SERVICE.tmp" <<UNIT
[Unit]
Description=Undo of an update that nobody has committed (clusterctl run $RUN)
[Service]
Type=oneshot
TimeoutStartSec=2h
ExecStart=/bin/sh $DIR/kit.sh timer
UNIT
  cat >"$TIMER.tmp" <<UNIT
[Unit]
Description=Undo an update unless it is committed (clusterctl run $RUN)
[Timer]
OnActiveSec=$1
AccuracySec=1s
Unit=clusterctl.undo.service
[Install]
WantedBy=timers.target
UNIT
  { mv -f "$SERVICE.tmp" "$SERVICE" && mv -f "$TIMER.tmp" "$TIMER" && sync "${TIMER%/*}" && keep "$1" "$DIR/delay" &&
    keep "$RUN" "$ALL/armed" && systemctl daemon-reload && systemctl --quiet enable "${TIMER##*/}" && put_off; } 2>>"$LOG" ||
    fail "cannot arm the undo: $(tail -n 1 "$LOG")"
  say "the host undoes the update $1 s from now, or after its next boot, unless it is committed"
}

# put_off: the whole delay from now (a timer's OnActiveSec counts from its start, so from boot as well)
put_off() {
  if [ "$(first "$ALL/armed")" != "$RUN" ]; then return 0; fi
  keep "$(boot_id) $(($(uptime_s) + $(first "$DIR/delay")))" "$DIR/due" && systemctl restart "${TIMER##*/}"
}

disarm() {
  if [ -e "$ALL/armed" ] && [ "$(first "$ALL/armed")" != "$RUN" ]; then return 0; fi
  systemctl --quiet disable --now "${TIMER##*/}" 2>/dev/null
  rm -f "$TIMER" "$SERVICE" "$ALL/armed"; sync "${TIMER%/*}" "$ALL"
  systemctl daemon-reload
}

# prune: of older runs at most one is kept, and none where they are too large
prune() {
  armed=$(first "$ALL/armed"); spare=1
  if [ "$(du -sk "$ALL" | cut -f1)" -gt "$KEPT_KIB" ]; then spare=0; fi
  find "$ALL" -mindepth 1 -maxdepth 1 -type d ! -name "$RUN" ! -name "${armed:-$RUN}" | sort -r |
    while read -r old; do
      if [ "$spare" -gt 0 ]; then spare=$((spare - 1)); else rm -rf "$old"; fi
    done
}

stage() {
  case $(state) in
    undone) fail "came back on the old version: the update was undone here" ;;
    applying | applied) say "applied already"; exit 3 ;;
    committed) # while the run was stopped the mirror may have gone on: that is another update of the same run
      if [ ! -e "$DIR/changes.new" ] || cmp -s "$DIR/changes.new" "$DIR/changes"; then say "applied already"; exit 3; fi
      (cd "$DIR" && rm -rf old debs due boot login why state) ;;
  esac
  armed=$(first "$ALL/armed")
  if [ -n "$armed" ] && [ "$armed" != "$RUN" ]; then
    fail "the update of run $armed still waits to be committed or undone here: clusterctl resume $armed, or abort it"
  fi
  if [ -e "$DIR/changes.new" ]; then mv -f "$DIR/changes.new" "$DIR/changes"; fi
  prune
  rm -f "$ALL/undone"
  why=$(drv_stage 2>>"$LOG") || fail "${why:-cannot stage the update: $(tail -n 1 "$LOG")}"
  if [ "$(state)" = staged ] && [ "$why" = unchanged ]; then say "staged already"; exit 3; fi
  keep staged "$DIR/state" || fail "cannot write to $DIR"
  say "$(wc -l <"$DIR/changes") packages are here, and those they replace"
}

apply() {
  case $(state) in
    staged | applying) ;;
    applied) say "applied already"; exit 3 ;;
    undone) fail "came back on the old version: the update was undone here" ;;
    *) disarm; fail "the update is not staged; nothing was changed" ;;
  esac
  why=$(drv_ready 2>>"$LOG") || refuse "${why:-the host is not ready: $(tail -n 1 "$LOG")}"
  if [ "$(state)" = staged ]; then
    { failed; cat "$DIR/known.new"; } 2>/dev/null | sort -u >"$DIR/failed"; running >"$DIR/running"
    { drv_list >"$DIR/before" && drv_before && keep applying "$DIR/state"; } 2>>"$LOG" ||
      refuse "cannot write down what is installed: $(tail -n 1 "$LOG")"
  fi
  login >"$DIR/login"
  tell "applying"; rm -f "$DIR/why"
  why=$(drv_apply 2>>"$LOG") || why=${why:-the package manager failed}
  drv_list >"$DIR/after"
  if [ -z "$why" ]; then why=$(drv_audit); fi
  if [ -z "$why" ]; then why=$(worse 2>>"$LOG" | head -n 5 | tr '\n' ';' | sed 's/;$//; s/;/; /g'); fi
  if [ -z "$why" ]; then
    boot_id >"$DIR/boot"; keep applied "$DIR/state"; put_off
    tell "applied"; say "updated; the undo is armed"; exit 0
  fi
  tell "failed: $why"
  explain >"$DIR/why"
  if undo; then disarm; fail "$why; taken back: all versions and units are as before" 2; fi
  if [ "$(state)" = undone ]; then disarm; fail "$why; the old versions are back, but $undone"; fi
  put_off
  fail "$why; and it could not be taken back wholly: $undone"
}

# explain: what there is to read about a failure, before it is undone
explain() {
  tail -n 8 "$LOG"
  failed | grep -vxF -f "$DIR/failed" | while read -r unit; do
    timeout 20 journalctl --quiet --no-pager -o cat -n 5 -u "$unit" 2>/dev/null
  done
}

# refuse TEXT: before anything was changed
refuse() { if [ "$(state)" = staged ]; then disarm; fi; fail "$1; nothing was changed"; }

# undo: put back what the update replaced; $undone says what is not as before
undo() {
  keep undoing "$DIR/state"
  remember_bad
  undone=$(drv_undo 2>>"$LOG") || undone=${undone:-the package manager failed}
  drv_list >"$DIR/restored"
  if [ -z "$undone" ]; then
    undone=$(diff "$DIR/before" "$DIR/restored" | grep '^[<>]' | head -n 5 | tr '\n' ';')
  fi
  if [ -z "$undone" ]; then undone=$(drv_audit); fi
  revive >>"$LOG" 2>&1
  if [ -n "$undone" ]; then return 1; fi
  keep undone "$DIR/state"
  undone=$(worse 2>>"$LOG" | head -n 5 | tr '\n' ';')
  [ -z "$undone" ]
}

# bad versions, by name and version; a later commit of the same versions forgives them
remember_bad() {
  { cat "$ALL/bad"; awk '$3 != "-" { print $1, $3 }' "$DIR/changes"; } 2>/dev/null | sort -u >"$ALL/bad.tmp"
  mv -f "$ALL/bad.tmp" "$ALL/bad"; sync "$ALL"
}
forgive() {
  if [ ! -e "$ALL/bad" ]; then return; fi
  awk '{ print $1, $3 }' "$DIR/changes" >"$DIR/good"
  grep -vxF -f "$DIR/good" "$ALL/bad" >"$ALL/bad.tmp"
  mv -f "$ALL/bad.tmp" "$ALL/bad"
}

commit() {
  case $(state) in
    applied)
      if [ -s "$DIR/login" ] && [ "$(login)" = "$(first "$DIR/login")" ]; then
        fail "this login is older than the update: it does not prove that the host can still be reached"
      fi
      keep committed "$DIR/state" || fail "cannot write to $DIR"
      disarm; forgive; tell "committed"; say "the update stays" ;;
    committed) disarm; say "committed already"; exit 3 ;;
    undone) fail "came back on the old version: the host took the update back by itself" ;;
    staged) disarm; say "nothing was applied"; exit 3 ;;
    *) fail "the update is half done ($(state)): clusterctl resume $RUN, or abort it" ;;
  esac
}

undo_now() {
  case $(state) in
    '' | staged) disarm; say "nothing was applied"; exit 3 ;;
    undone) disarm; say "undone already"; exit 3 ;;
  esac
  if ! undo; then
    if [ "$(state)" = undone ]; then disarm; else put_off; fi
    fail "not wholly undone: $undone"
  fi
  disarm; tell "undone"; say "back on the old versions"
}

# The host alone decides: nobody has committed in time
timer() {
  exec 8>>/run/clusterctl-undo.lock; flock 8
  mkdir -p /run/clusterctl; exec 7>>/run/clusterctl/lock; flock -w 900 7
  if [ "$(first "$ALL/armed")" != "$RUN" ]; then exit 0; fi
  read -r boot due <"$DIR/due"
  if [ "$boot" = "$(boot_id)" ] && [ "$(uptime_s)" -lt "$((due - 1))" ]; then systemctl restart --no-block "${TIMER##*/}"; exit 0; fi
  case $(state) in
    applying | applied | undoing) ;;
    *) disarm; exit 0 ;;
  esac
  tell "nobody has committed it in time: taking it back"
  undo 7>&- 8>&-; rc=$?
  # a login must work again, whatever of the update broke it
  for unit in $(drv_units) ssh.service sshd.service; do
    case $unit in dbus* | clusterctl*) ;; *) timeout 120 systemctl try-restart "$unit" 7>&- 8>&- >>"$LOG" 2>&1 ;; esac
  done
  if [ "$rc" != 0 ] && [ "$(state)" != undone ]; then tell "not wholly undone: $undone"; exit 1; fi
  keep "$RUN" "$ALL/undone"; disarm
  tell "undone: back on the old versions"
  if drv_kernel && [ "$(first "$DIR/boot")" != "$(boot_id)" ]; then systemctl reboot; fi
}

main() {
  umask 077; cd / || exit 1
  case $1 in
    stage | apply | commit | timer) "$1" ;;
    arm) arm "$2" ;;
    undo) undo_now ;;
    *) fail "no such verb: $1" ;;
  esac
}
