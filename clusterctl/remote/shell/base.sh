# shellcheck shell=sh disable=SC2034 # what is set here is used by the libraries
# What every script that changes a host begins with; clusterctl/remote/script.py adds the libraries that the
# steps need, `payload`, which calls them, `what_of`, and the last line, which calls `main`: a script cut on
# its way does nothing at all.
# Set by the caller: NONCE, CLUSTER, HOLDER, EPOCH, LOCK_WAIT_S, and `frame` (remote/frame.py).
LC_ALL=C; export LC_ALL
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
UNITS=/etc/systemd/system
ETC=/etc/clusterctl
KEPT=/var/lib/clusterctl/previous
RUN=/run/clusterctl
BOOT_ID=/proc/sys/kernel/random/boot_id

# result ID STATUS RESTORED DETAIL: one section; the lines of $STAGE/log.ID follow
result() {
  frame "section step-$1"
  printf '%s %s\n%s\n' "$2" "$3" "$4"
  if [ -s "$STAGE/log.$1" ]; then tail -n 20 "$STAGE/log.$1" | cut -c1-500; fi
  frame "end-section 0"
  if [ "$2" = failed ]; then FAILED=1; fi
  case $2 in changed | failed) audit "$(what_of "$1"): $2" ;; esac
}

# audit TEXT: who changed what, in the host's journal; a journal that hangs keeps nobody
audit() { timeout 5 logger -t clusterctl -- "epoch $EPOCH, $HOLDER: $1" </dev/null >/dev/null 2>&1; }

# Nothing waits for ever for a systemd that hangs. What takes long by right has a `timeout` of its own.
ask_systemd() { timeout 60 systemctl "$@"; }

systemd_answers() { timeout 10 systemctl show -p Version </dev/null >/dev/null 2>&1; }

# skipped ID: whether a step before it failed, so that this one is not begun
skipped() {
  if [ -z "$FAILED" ]; then return 1; fi
  result "$1" skipped 0 "not begun, because a step before it failed"
}

# done_if ID RC WHAT: the result of a change that ended with RC; what it said is in the step's log
done_if() {
  if [ "$2" = 0 ]; then result "$1" changed 0 ""
  else result "$1" failed 0 "$3: $(last_line "$STAGE/log.$1")"; fi
}

sha() { if [ -e "$1" ]; then sha256sum <"$1" | cut -c1-64; fi; }

last_line() { tail -n 1 "$1" 2>/dev/null | cut -c1-300; }

# now: seconds that no change of the wall clock moves
now() { read -r now_s _ </proc/uptime; printf '%s\n' "${now_s%%.*}"; }

# put FROM TO MODE: the file is wholly old or wholly new (write, fsync, compare, rename, fsync of the folder)
put() {
  put_dir=${2%/*}; put_tmp=$put_dir/.${2##*/}.clusterctl-tmp
  if cp "$1" "$put_tmp" && chmod "$3" "$put_tmp" && sync "$put_tmp" && cmp -s "$1" "$put_tmp" && mv -f "$put_tmp" "$2"; then
    sync "$put_dir"
  else
    rm -f "$put_tmp"; return 1
  fi
}

# Refuse whoever is older than the one who was here last (PROMISES, I7); remember whoever is newer.
# The file has a lock of its own, which shell/lock.sh takes too.
heed_epoch() {
  exec 8>>"$RUN/epoch.lock"
  flock -w 10 8 || { printf '%s is held by somebody else\n' "$RUN/epoch.lock" >&2; return 1; }
  seen=0
  if [ -e "$ETC/epoch" ]; then seen=; read -r seen <"$ETC/epoch"; fi
  case $seen in
    '' | *[!0-9]* | ????????????????*) printf '%s does not hold a number\n' "$ETC/epoch" >&2; return 1 ;;
  esac
  if [ "$EPOCH" -gt 0 ] && [ "$EPOCH" -lt "$seen" ]; then
    printf 'stale operator: epoch %s, and %s was seen here\n' "$EPOCH" "$seen" >&2; return 1
  elif [ "$EPOCH" -gt "$seen" ]; then
    { printf '%s\n' "$EPOCH" >"$RUN/epoch" && put "$RUN/epoch" "$ETC/epoch" 644; } || return 1
  fi
  exec 8>&-
}

# The right to change this host: one script at a time, by the newest operator, and only for its own cluster
begin() {
  mkdir -p "$RUN" "$ETC/env" "$ETC/files" "$ETC/projects" "$ETC/history" "$ETC/markers" "$ETC/runs" "$KEPT" || return 1
  chmod 700 "$ETC/env" "$ETC/files" "$ETC/projects" "$ETC/history" "$ETC/runs" "$KEPT" || return 1
  exec 9>>"$RUN/lock"
  if ! flock -w "$LOCK_WAIT_S" 9; then
    frame "section locked"; cat "$RUN/holder" 2>/dev/null; frame "end-section 75"; return 75
  fi
  printf '%s\n' "$HOLDER" >"$RUN/holder"
  owner=$(cat "$ETC/cluster" 2>/dev/null)
  if [ -n "$owner" ] && [ "$owner" != "$CLUSTER" ]; then
    printf 'this host belongs to cluster %s, not %s\n' "$owner" "$CLUSTER" >&2; return 1
  fi
  heed_epoch || return 1
  if [ -z "$owner" ]; then
    printf '%s\n' "$CLUSTER" >"$RUN/cluster" && put "$RUN/cluster" "$ETC/cluster" 644 || return 1
  fi
  rm -rf "$RUN"/stage.*
  STAGE=$(mktemp -d "$RUN/stage.XXXXXX") && mkdir "$STAGE/units" "$STAGE/env"
}

main() {
  trap '' HUP PIPE
  umask 077
  BEGAN=$(date +%s)
  FAILED=
  frame begin
  mkdir -p "$RUN"
  begin 2>"$RUN/refused"
  began=$?
  if [ "$began" = 0 ]; then
    payload
    rm -rf "$STAGE"; rm -f "$RUN/holder"
  elif [ "$began" != 75 ]; then
    frame "section refused"; cat "$RUN/refused"; frame "end-section 1"
  fi
  frame "end $began"
}
