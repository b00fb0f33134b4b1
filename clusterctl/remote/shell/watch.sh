# shellcheck shell=sh
# How instances are: what systemd and docker say of them, for `units` (monitoring) and `verify`.

# vitals INSTANCE...: a line each: instance, state of its unit, restarts, id, state and health of its container.
# `.ID`, not `.Id`: with that docker falls back on raw JSON, where a container without a health check has no `.State.Health`
# and the whole template fails. What nobody tells is "-": unknown, neither stopped nor running.
vitals() {
  vitals_units=
  for vitals_name; do vitals_units="$vitals_units clusterctl-$vitals_name.service"; done
  # names are checked before they come here; the list is split on purpose
  # shellcheck disable=SC2086
  { timeout 10 systemctl show -p Id -p ActiveState -p NRestarts -- $vitals_units
    echo
    timeout 10 docker inspect --type container --format \
      'container={{.Name}} {{.ID}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' "$@"
  } 2>/dev/null </dev/null | awk -F= -v wanted="$*" '
    function name(unit) { sub(/^clusterctl-/, "", unit); sub(/\.service$/, "", unit); return unit }
    $1 == "Id" { id = name($2) } $1 == "ActiveState" { a = $2 } $1 == "NRestarts" { r = $2 }
    /^$/ { if (id != "") { active[id] = a; restarts[id] = r }; id = a = r = "" }
    $1 == "container" { split($2, word, " "); sub(/^\//, "", word[1]); docker[word[1]] = word[2] " " word[3] " " word[4] }
    function either(text, other) { return text == "" ? other : text }
    END { n = split(wanted, names, " ")
      for (i = 1; i <= n; i++) print names[i], either(active[names[i]], "-"), either(restarts[names[i]], "-"), either(docker[names[i]], "- - -") }'
}

docker_answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1 </dev/null; }

# ailing INSTANCE VITALS: why an instance is not well, or nothing
ailing() {
  grep "^$1 " "$2" | {
    read -r _ active _ container state health
    if [ "$active" != active ]; then printf '%s\n' "clusterctl-$1.service is $active"
    elif [ "$container" = - ]; then if docker_answers; then printf '%s\n' "there is no container $1"; fi
    elif [ "$state" != running ]; then printf '%s\n' "container $1 is $state"
    else case $health in none | healthy) ;; *) printf '%s\n' "container $1 is $health" ;; esac; fi
  }
}

# changed_since INSTANCE BEFORE AFTER: why an instance has not stayed as it was, or nothing
changed_since() {
  if [ -n "$(ailing "$1" "$3")" ]; then ailing "$1" "$3"; return; fi
  { grep "^$1 " "$2"; grep "^$1 " "$3"; } | {
    read -r _ _ restarts container _
    read -r _ _ restarts_now container_now _
    if [ "$restarts" != "$restarts_now" ] || { [ "$container" != "$container_now" ] && [ "$container_now" != - ] && [ "$container" != - ]; }; then
      printf '%s\n' "it was restarted"
    fi
  }
}

# explain ID INSTANCE: the last lines of unit and container since this script began; of one that is there and not
# healthy what its last health check said (a start that fails says so itself: planning/gate.py)
explain() {
  timeout 20 journalctl --quiet --no-pager -o cat -n 15 --since "@$BEGAN" \
    "_SYSTEMD_UNIT=clusterctl-$2.service" + "CONTAINER_NAME=$2" >>"$STAGE/log.$1" 2>/dev/null
  timeout 10 docker inspect --type container --format '{{with .State.Health}}{{if ne .Status "healthy"}}{{range .Log}}last health check: exit {{.ExitCode}}: {{printf "%.300q" .Output}}{{println}}{{end}}{{end}}{{end}}' \
    "$2" 2>/dev/null </dev/null | grep . | tail -n 1 >>"$STAGE/log.$1"
}
