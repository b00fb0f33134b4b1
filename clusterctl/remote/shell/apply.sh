# shellcheck shell=sh
# Functions of every script that changes a host; clusterctl/remote/script.py adds `payload`, which calls
# them, and the last line, which calls `main`: a script cut on its way does nothing at all.
# Set by the caller: NONCE, CLUSTER, HOLDER, LOCK_WAIT_S, and `frame` (remote/frame.py).
LC_ALL=C; export LC_ALL
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
UNITS=/etc/systemd/system
ETC=/etc/clusterctl
KEPT=/var/lib/clusterctl/previous
RUN=/run/clusterctl

# result ID STATUS RESTORED DETAIL: one section; the lines of $STAGE/log.ID follow
result() {
  frame "section step-$1"
  printf '%s %s\n%s\n' "$2" "$3" "$4"
  if [ -s "$STAGE/log.$1" ]; then tail -n 20 "$STAGE/log.$1" | cut -c1-500; fi
  frame "end-section 0"
}

sha() { if [ -e "$1" ]; then sha256sum <"$1" | cut -c1-64; fi; }

last_line() { tail -n 1 "$1" 2>/dev/null | cut -c1-300; }

# put FROM TO MODE: the file is wholly old or wholly new (write, fsync, compare, rename, fsync of the folder)
put() {
  put_dir=${2%/*}; put_tmp=$put_dir/.${2##*/}.clusterctl-tmp
  if cp "$1" "$put_tmp" && chmod "$3" "$put_tmp" && sync "$put_tmp" && cmp -s "$1" "$put_tmp" && mv -f "$put_tmp" "$2"; then
    sync "$put_dir"
  else
    rm -f "$put_tmp"; return 1
  fi
}

# pull ID IMAGE
pull() {
  if docker image inspect "$2" >/dev/null 2>&1; then result "$1" unchanged 0 ""; return; fi
  if timeout 900 docker pull -q "$2" >/dev/null 2>"$STAGE/log.$1"; then result "$1" changed 0 ""
  else result "$1" failed 0 "docker pull $2: $(last_line "$STAGE/log.$1")"; fi
}

# manifest ID PROJECT MODE: the text comes on stdin; an empty text takes the manifest away
manifest() {
  manifest_file=$ETC/projects/$2.json
  cat >"$STAGE/manifest"
  if [ ! -s "$STAGE/manifest" ]; then
    if rm -f "$manifest_file" 2>"$STAGE/log.$1"; then result "$1" changed 0 ""
    else result "$1" failed 0 "$(last_line "$STAGE/log.$1")"; fi
  elif cmp -s "$STAGE/manifest" "$manifest_file"; then result "$1" unchanged 0 ""
  elif put "$STAGE/manifest" "$manifest_file" 600 2>"$STAGE/log.$1"; then result "$1" changed 0 ""
  else result "$1" failed 0 "cannot write $manifest_file: $(last_line "$STAGE/log.$1")"; fi
}

# drop ID INSTANCE REPLACES STOP_S: stop a unit of ours and take it away; volumes stay
drop() {
  drop_unit=clusterctl-$2.service; drop_file=$UNITS/$drop_unit
  if [ ! -e "$drop_file" ]; then result "$1" unchanged 0 ""; return; fi
  if [ "$(sha "$drop_file")" != "$3" ]; then result "$1" failed 0 "$drop_unit has changed since the plan was made"; return; fi
  systemctl disable --quiet --no-reload "$drop_unit" >/dev/null 2>&1
  if ! timeout "$4" systemctl stop "$drop_unit" 2>"$STAGE/log.$1"; then
    result "$1" failed 0 "systemctl stop $drop_unit: $(last_line "$STAGE/log.$1")"; return
  fi
  if ! { keep "$2" && rm -f "$drop_file" "$ETC/env/$2.env"; } 2>"$STAGE/log.$1"; then
    result "$1" failed 0 "cannot remove $drop_file: $(last_line "$STAGE/log.$1")"; return
  fi
  systemctl daemon-reload
  systemctl reset-failed "$drop_unit" >/dev/null 2>&1
  result "$1" changed 0 ""
}

# unit ID INSTANCE ACTION REPLACES DIGEST GATE_S IMAGE: stage a unit, its text on stdin; `units` does the work
unit() {
  printf '%s %s %s %s %s %s %s\n' "$@" >>"$STAGE/todo"
  cat >"$STAGE/units/clusterctl-$2.service"
}

# environment INSTANCE: the env file of a staged unit, on stdin
environment() { cat >"$STAGE/env/$1.env"; }

refuse() { result "$1" failed 0 "$2"; printf '%s\n' "$1" >>"$STAGE/refused"; }

# Everything that can be known before anything is touched: same unit as planned, text whole, image here, unit sound
check_units() {
  while read -r id instance action replaces digest _ image; do
    file=$UNITS/clusterctl-$instance.service
    current=$(sha "$file")
    if [ "${current:--}" != "$replaces" ]; then refuse "$id" "${file##*/} has changed since the plan was made"
    elif [ "$(sha "$STAGE/units/${file##*/}")" != "$digest" ]; then refuse "$id" "the unit did not arrive whole"
    elif [ "$action" != enable ] && ! docker image inspect "$image" >/dev/null 2>"$STAGE/log.$id"; then
      refuse "$id" "image $image is not on the host: $(last_line "$STAGE/log.$id")"
    fi
  done <"$STAGE/todo"
  if ! systemd-analyze verify "$STAGE"/units/*.service >"$STAGE/verify" 2>&1; then
    while read -r id _; do
      cp "$STAGE/verify" "$STAGE/log.$id"
      is_refused "$id" || refuse "$id" "systemd-analyze verify refused the unit"
    done <"$STAGE/todo"
  fi
}

is_refused() { grep -qx "$1" "$STAGE/refused" 2>/dev/null; }

# keep INSTANCE: the present unit and its environment become the previous ones
keep() {
  cp -p "$UNITS/clusterctl-$1.service" "$KEPT/" || return 1
  rm -f "$KEPT/$1.env"
  if [ -e "$ETC/env/$1.env" ]; then cp -p "$ETC/env/$1.env" "$KEPT/"; fi
}

# install_unit INSTANCE: environment first, so that no unit is ever without its own
install_unit() {
  if [ -e "$UNITS/clusterctl-$1.service" ]; then keep "$1" || return 1; fi
  put "$STAGE/env/$1.env" "$ETC/env/$1.env" 600 || return 1
  put "$STAGE/units/clusterctl-$1.service" "$UNITS/clusterctl-$1.service" 644 && return 0
  # the environment must go back with the unit that stayed
  if [ -e "$KEPT/$1.env" ]; then put "$KEPT/$1.env" "$ETC/env/$1.env" 600; fi
  return 1
}

# put_back INSTANCE: the previous generation runs again, or the failed first one stays stopped
put_back() {
  timeout 120 systemctl stop "clusterctl-$1.service" >/dev/null 2>&1
  if [ ! -e "$KEPT/clusterctl-$1.service" ] || [ "$2" = - ]; then
    systemctl disable --quiet "clusterctl-$1.service" >/dev/null 2>&1; return 1
  fi
  put "$KEPT/clusterctl-$1.service" "$UNITS/clusterctl-$1.service" 644 || return 1
  if [ -e "$KEPT/$1.env" ]; then put "$KEPT/$1.env" "$ETC/env/$1.env" 600 || return 1; fi
  systemctl daemon-reload
  systemctl reset-failed "clusterctl-$1.service" >/dev/null 2>&1
  timeout "$3" systemctl start "clusterctl-$1.service" >/dev/null 2>&1
}

# explain ID INSTANCE: the last lines of unit and container since this script began
explain() {
  journalctl --quiet --no-pager -o cat -n 15 --since "@$BEGAN" \
    "_SYSTEMD_UNIT=clusterctl-$2.service" + "CONTAINER_NAME=$2" >>"$STAGE/log.$1" 2>/dev/null
}

units() {
  if [ ! -s "$STAGE/todo" ]; then return; fi
  check_units
  : >"$STAGE/go"; restart=; start=; enable=; longest=30
  while read -r id instance action replaces digest gate image; do
    if is_refused "$id"; then continue; fi
    if [ "$action" = replace ] && ! install_unit "$instance" 2>"$STAGE/log.$id"; then
      refuse "$id" "cannot write the unit: $(last_line "$STAGE/log.$id")"; continue
    fi
    name=clusterctl-$instance.service
    case $action in replace | restart) restart="$restart $name" ;; start) start="$start $name" ;; esac
    enable="$enable $name"
    if [ "$gate" -gt "$longest" ]; then longest=$gate; fi
    printf '%s %s %s %s %s\n' "$id" "$instance" "$action" "$replaces" "$gate" >>"$STAGE/go"
  done <"$STAGE/todo"
  if [ ! -s "$STAGE/go" ]; then return; fi
  # names are checked before they come here; the lists are split on purpose
  # shellcheck disable=SC2086
  { systemctl enable --quiet --no-reload $enable
    systemctl daemon-reload
    systemctl reset-failed $enable
    if [ -n "$restart" ]; then timeout "$longest" systemctl restart $restart; fi
    if [ -n "$start" ]; then timeout "$longest" systemctl start $start; fi
  } >/dev/null 2>"$STAGE/systemctl"
  while read -r id instance action replaces gate; do
    verdict "$id" "$instance" "$action" "$replaces" "$gate" </dev/null
  done <"$STAGE/go"
}

# verdict ID INSTANCE ACTION REPLACES GATE_S: what systemd runs now, read back and compared
verdict() {
  name=clusterctl-$2.service
  state=$(systemctl show -p ActiveState --value "$name")
  path=$(systemctl show -p FragmentPath --value "$name")
  if [ "$state" = active ] && [ "$path" = "$UNITS/$name" ] && [ "$(sha "$path")" = "$(sha "$STAGE/units/$name")" ]; then
    result "$1" changed 0 ""; return
  fi
  : >"$STAGE/log.$1"
  explain "$1" "$2"
  if [ ! -s "$STAGE/log.$1" ]; then grep -F "$name" "$STAGE/systemctl" >"$STAGE/log.$1"; fi
  if [ "$3" != replace ]; then result "$1" failed 0 "$name is $state after systemctl $3"; return; fi
  if put_back "$2" "$4" "$5" 2>>"$STAGE/log.$1"; then result "$1" failed 1 "$name did not become healthy"
  else result "$1" failed 0 "$name did not become healthy"; fi
}

# The right to change this host: one script at a time, and only for the cluster it belongs to
begin() {
  mkdir -p "$RUN" "$ETC/env" "$ETC/projects" "$ETC/markers" "$KEPT" || return 1
  chmod 700 "$ETC/env" "$ETC/projects" "$KEPT"
  exec 9>>"$RUN/lock"
  if ! flock -w "$LOCK_WAIT_S" 9; then
    frame "section locked"; cat "$RUN/holder" 2>/dev/null; frame "end-section 75"; return 75
  fi
  printf '%s\n' "$HOLDER" >"$RUN/holder"
  owner=$(cat "$ETC/cluster" 2>/dev/null)
  if [ -z "$owner" ]; then
    printf '%s\n' "$CLUSTER" >"$RUN/cluster" && put "$RUN/cluster" "$ETC/cluster" 644 || return 1
  elif [ "$owner" != "$CLUSTER" ]; then
    printf 'this host belongs to cluster %s, not %s\n' "$owner" "$CLUSTER" >&2; return 1
  fi
  rm -rf "$RUN"/stage.*
  STAGE=$(mktemp -d "$RUN/stage.XXXXXX") && mkdir "$STAGE/units" "$STAGE/env"
}

main() {
  trap '' HUP PIPE
  umask 077
  BEGAN=$(date +%s)
  frame begin
  mkdir -p "$RUN"
  begin 2>"$RUN/refused"
  began=$?
  if [ "$began" = 0 ]; then
    payload
    units
    rm -rf "$STAGE"; rm -f "$RUN/holder"
  elif [ "$began" != 75 ]; then
    frame "section refused"; cat "$RUN/refused"; frame "end-section 1"
  fi
  frame "end $began"
}
