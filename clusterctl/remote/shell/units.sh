# shellcheck shell=sh
# Images and units of a script made of base.sh and watch.sh. `unit` only stages; `units`, which payload calls
# once after the last of them, does all of a host's units together: one daemon-reload, one systemctl.

# What passes by itself: a registry that has too much to do, a connection that broke (faults row 20)
PASSING='toomanyrequests|too many requests|HTTP status: 5[0-9][0-9]|TLS handshake timeout|connection reset by peer|unexpected EOF'

# pull ID IMAGE: three times at most, within 900 s; each host waits another while, so that not all come back together
pull() {
  if docker image inspect "$2" >/dev/null 2>&1; then result "$1" unchanged 0 ""; return; fi
  pull_end=$(($(now) + 900)); pull_try=1
  until timeout "$((pull_end - $(now)))" docker pull -q "$2" >/dev/null 2>"$STAGE/log.$1"; do
    if [ "$pull_try" -eq 3 ] || [ "$(now)" -gt "$((pull_end - 60))" ] || ! grep -Eqi "$PASSING" "$STAGE/log.$1"; then
      if [ "$pull_try" -gt 1 ]; then pull_tries=" ($pull_try times)"; else pull_tries=; fi
      pull_said=$(last_line "$STAGE/log.$1")
      result "$1" failed 0 "docker pull $2$pull_tries: ${pull_said:-it did not end within 15 minutes}"; return
    fi
    sleep "$((pull_try * 5 + $(od -An -N1 -tu1 /dev/urandom) % 10))"
    pull_try=$((pull_try + 1))
  done
  result "$1" changed 0 ""
}

MUTE="systemd does not answer within 10 s"

# permit INSTANCE: without this file the unit of a singleton does not start; it does not outlive a boot
permit() { printf '%s/clusterctl-%s.permit' "${RUN%/*}" "$1"; }

# halt ID INSTANCE REPLACES STOP_S: stop a unit of ours, which stays, and have it stay stopped
halt() {
  halt_unit=clusterctl-$2.service
  if [ "$(sha "$UNITS/$halt_unit")" != "$3" ]; then result "$1" failed 0 "$halt_unit has changed since the plan was made"; return; fi
  if ! systemd_answers; then result "$1" failed 0 "$MUTE; $2 was not touched"; return; fi
  rm -f "$(permit "$2")"
  if timeout "$4" systemctl stop "$halt_unit" 2>"$STAGE/log.$1"; then result "$1" changed 0 ""
  else result "$1" failed 0 "systemctl stop $halt_unit: $(last_line "$STAGE/log.$1")"; fi
}

# drop ID INSTANCE REPLACES STOP_S: stop a unit of ours and take it away; volumes stay
drop() {
  drop_unit=clusterctl-$2.service; drop_file=$UNITS/$drop_unit
  if [ ! -e "$drop_file" ]; then result "$1" unchanged 0 ""; return; fi
  if [ "$(sha "$drop_file")" != "$3" ]; then result "$1" failed 0 "$drop_unit has changed since the plan was made"; return; fi
  if ! systemd_answers; then result "$1" failed 0 "$MUTE; $2 was not touched"; return; fi
  ask_systemd disable --quiet --no-reload "$drop_unit" >/dev/null 2>&1
  if ! timeout "$4" systemctl stop "$drop_unit" 2>"$STAGE/log.$1"; then
    result "$1" failed 0 "systemctl stop $drop_unit: $(last_line "$STAGE/log.$1")"; return
  fi
  # before the unit that names them is gone: killed in between, the next run comes here again
  sweep_networks "$drop_file"
  rm -rf "$ETC/files/$2"
  if ! { keep "$2" && rm -f "$drop_file" "$ETC/env/$2.env" "$(permit "$2")"; } 2>"$STAGE/log.$1"; then
    result "$1" failed 0 "cannot remove $drop_file: $(last_line "$STAGE/log.$1")"; return
  fi
  ask_systemd daemon-reload
  ask_systemd reset-failed "$drop_unit" >/dev/null 2>&1
  result "$1" changed 0 ""
}

# unit ID INSTANCE ACTION REPLACES DIGEST GATE_S MONITOR_S IMAGE: stage a unit, its text on stdin
unit() {
  printf '%s %s %s %s %s %s %s %s\n' "$@" >>"$STAGE/todo"
  cat >"$STAGE/units/clusterctl-$2.service"
}

# environment INSTANCE: the env file of a staged unit, on stdin
environment() { cat >"$STAGE/env/$1.env"; }

refuse() { result "$1" failed 0 "$2"; printf '%s\n' "$1" >>"$STAGE/refused"; }

# What keeps this host from starting anything, or nothing; docker asks containerd, too, for its version
unable() {
  if ! systemd_answers; then printf '%s\n' "$MUTE"
  elif ! timeout 20 docker version >/dev/null 2>&1 </dev/null; then
    printf '%s\n' "docker does not answer within 20 s: dockerd or containerd hangs, or is stopped"
  fi
}

# Everything that can be known before anything is touched: same unit as planned, text whole, image here, unit sound
check_units() {
  unable=$(unable)
  while read -r id instance action replaces digest _ _ image; do
    file=$UNITS/clusterctl-$instance.service
    current=$(sha "$file")
    if [ "${current:--}" != "$replaces" ]; then refuse "$id" "${file##*/} has changed since the plan was made"
    elif [ "$(sha "$STAGE/units/${file##*/}")" != "$digest" ]; then refuse "$id" "the unit did not arrive whole"
    elif [ -n "$unable" ]; then refuse "$id" "$unable; $instance was not touched"
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

# put_back INSTANCE REPLACES GATE_S: the previous generation runs again, or the failed first one stays stopped
put_back() {
  timeout 120 systemctl stop "clusterctl-$1.service" >/dev/null 2>&1
  if [ ! -e "$KEPT/clusterctl-$1.service" ] || [ "$2" = - ]; then
    ask_systemd disable --quiet "clusterctl-$1.service" >/dev/null 2>&1; return 1
  fi
  put "$KEPT/clusterctl-$1.service" "$UNITS/clusterctl-$1.service" 644 || return 1
  if [ -e "$KEPT/$1.env" ]; then put "$KEPT/$1.env" "$ETC/env/$1.env" 600 || return 1; fi
  ask_systemd daemon-reload
  ask_systemd reset-failed "clusterctl-$1.service" >/dev/null 2>&1
  timeout "$3" systemctl start "clusterctl-$1.service" >/dev/null 2>&1
}

units() {
  if [ ! -s "$STAGE/todo" ]; then return; fi
  check_units
  : >"$STAGE/go"; restart=; start=; enable=; longest=30; : >"$STAGE/watched"; monitor_s=0
  while read -r id instance action replaces digest gate monitor image; do
    if is_refused "$id"; then continue; fi
    if ! lay_files "$instance" 2>"$STAGE/log.$id"; then
      refuse "$id" "cannot write configs and secrets: $(last_line "$STAGE/log.$id")"; continue
    fi
    if [ "$action" = replace ] && ! install_unit "$instance" 2>"$STAGE/log.$id"; then
      refuse "$id" "cannot write the unit: $(last_line "$STAGE/log.$id")"; continue
    fi
    name=clusterctl-$instance.service
    : >"$(permit "$instance")"
    case $action in replace | restart) restart="$restart $name" ;; start) start="$start $name" ;; enable) monitor=0 ;; esac
    enable="$enable $name"
    if [ "$gate" -gt "$longest" ]; then longest=$gate; fi
    if [ "$monitor" -gt "$monitor_s" ]; then monitor_s=$monitor; fi
    printf '%s %s %s %s %s %s\n' "$id" "$instance" "$action" "$replaces" "$gate" "$monitor" >>"$STAGE/go"
  done <"$STAGE/todo"
  : >"$STAGE/todo"
  if [ ! -s "$STAGE/go" ]; then return; fi
  # names are checked before they come here; the lists are split on purpose
  # shellcheck disable=SC2086
  { ask_systemd enable --quiet --no-reload $enable
    ask_systemd daemon-reload
    ask_systemd reset-failed $enable
    if [ -n "$restart" ]; then timeout "$longest" systemctl restart $restart; fi
    if [ -n "$start" ]; then timeout "$longest" systemctl start $start; fi
  } >/dev/null 2>"$STAGE/systemctl"
  if ! systemd_answers; then
    while read -r id instance _; do result "$id" failed 0 "$MUTE any more; what $instance runs is unknown"; done <"$STAGE/go"
    return
  fi
  while read -r id instance action replaces gate monitor; do
    verdict "$id" "$instance" "$action" "$replaces" "$gate" "$monitor" </dev/null
  done <"$STAGE/go"
  monitor "$monitor_s"
  while read -r _ instance _; do sweep_files "$instance"; done <"$STAGE/go"
  sweep_networks -
}

# verdict ID INSTANCE ACTION REPLACES GATE_S MONITOR_S: what systemd runs now, read back and compared
verdict() {
  name=clusterctl-$2.service
  state=$(ask_systemd show -p ActiveState --value "$name")
  path=$(ask_systemd show -p FragmentPath --value "$name")
  if [ "$state" = active ] && [ "$path" = "$UNITS/$name" ] && [ "$(sha "$path")" = "$(sha "$STAGE/units/$name")" ]; then
    if [ "$6" = 0 ]; then result "$1" changed 0 ""; else printf '%s\n' "$*" >>"$STAGE/watched"; fi
    return
  fi
  unwell "$1" "$2" "$3" "$4" "$5" "did not become healthy" "is $state after systemctl $3"
}

# unwell ID INSTANCE ACTION REPLACES GATE_S WHY [WHY_ELSE]: what it said; the unit before it, if it replaced one
unwell() {
  : >"$STAGE/log.$1"
  explain "$1" "$2"
  if [ ! -s "$STAGE/log.$1" ]; then grep -F "clusterctl-$2.service" "$STAGE/systemctl" >"$STAGE/log.$1"; fi
  if [ "$3" != replace ]; then result "$1" failed 0 "clusterctl-$2.service ${7:-$6}"
  elif put_back "$2" "$4" "$5" 2>>"$STAGE/log.$1"; then result "$1" failed 1 "clusterctl-$2.service $6"
  elif [ "$4" = - ]; then result "$1" failed 0 "clusterctl-$2.service $6"
  else result "$1" failed 0 "clusterctl-$2.service $6; its previous version does not run either"; fi
}

# monitor SECONDS: the healthy ones must stay so; each second, all of the host's units at once
monitor() {
  if [ ! -s "$STAGE/watched" ]; then return; fi
  watched=$(cut -d' ' -f2 "$STAGE/watched")
  # shellcheck disable=SC2086
  vitals $watched >"$STAGE/vitals.0"
  monitor_end=$(($(now) + $1))
  while [ -s "$STAGE/watched" ] && [ "$(now)" -lt "$monitor_end" ]; do
    sleep 1
    watched=$(cut -d' ' -f2 "$STAGE/watched")
    # shellcheck disable=SC2086
    vitals $watched >"$STAGE/vitals"
    : >"$STAGE/still"
    while read -r id instance action replaces gate monitor; do
      why=$(changed_since "$instance" "$STAGE/vitals.0" "$STAGE/vitals")
      if [ -z "$why" ]; then printf '%s %s %s %s %s %s\n' "$id" "$instance" "$action" "$replaces" "$gate" "$monitor" >>"$STAGE/still"
      else unwell "$id" "$instance" "$action" "$replaces" "$gate" "did not stay healthy: $why" </dev/null; fi
    done <"$STAGE/watched"
    mv -f "$STAGE/still" "$STAGE/watched"
  done
  while read -r id _; do result "$id" changed 0 ""; done <"$STAGE/watched"
}
