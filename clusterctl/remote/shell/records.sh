# shellcheck shell=sh
# What hosts remember, for scripts made of base.sh: manifests with the older ones, markers, records of runs.

# kept ID FROM TO MODE: a file as it is to be; says nothing, returns 0 changed, 1 unchanged, 2 failed
kept() {
  if cmp -s "$2" "$3"; then return 1; fi
  put "$2" "$3" "$4" 2>"$STAGE/log.$1" || return 2
}

# manifest ID PROJECT GENERATION: the text comes on stdin; an empty text takes the manifest and its history away
manifest() {
  manifest_file=$ETC/projects/$2.json
  older=$ETC/history/$2@$3.json
  cat >"$STAGE/manifest"
  if [ ! -s "$STAGE/manifest" ]; then
    rm -f "$manifest_file" "$ETC/history/$2"@*.json 2>"$STAGE/log.$1"
    done_if "$1" "$?" "cannot remove $manifest_file"
    return
  fi
  kept "$1" "$STAGE/manifest" "$manifest_file" 600
  manifest_rc=$?
  if [ "$manifest_rc" = 2 ]; then done_if "$1" 2 "cannot write $manifest_file"; return; fi
  kept "$1" "$STAGE/manifest" "$older" 600
  case $? in
    0) manifest_rc=0 ;;
    2) done_if "$1" 2 "cannot write $older"; return ;;
  esac
  for file in "$ETC/history/$2"@*.json; do printf '%s\n' "${file##*@}"; done | sort -rn | tail -n +4 |
    while read -r generation; do rm -f "$ETC/history/$2@$generation"; done
  if [ "$manifest_rc" = 0 ]; then result "$1" changed 0 ""; else result "$1" unchanged 0 ""; fi
}

# mark ID NAME: the marker's text on stdin; one that is there already stays as it is
mark() {
  cat >"$STAGE/marker"
  if [ -e "$ETC/markers/$2" ]; then result "$1" unchanged 0 ""; return; fi
  printf 'since=%s\n' "$(date +%s)" >>"$STAGE/marker"
  put "$STAGE/marker" "$ETC/markers/$2" 644 2>"$STAGE/log.$1"
  done_if "$1" "$?" "cannot write $ETC/markers/$2"
}

# unmark ID NAME RUN: take a marker away; with RUN (else -) only that run's own
unmark() {
  if [ ! -e "$ETC/markers/$2" ] || { [ "$3" != - ] && ! grep -qxF "run=$3" "$ETC/markers/$2"; }; then
    result "$1" unchanged 0 ""; return
  fi
  { rm -f "$ETC/markers/$2" && sync "$ETC/markers"; } 2>"$STAGE/log.$1"
  done_if "$1" "$?" "cannot remove $ETC/markers/$2"
}

# record ID RUN: the record on stdin; the newest twenty of each verb are kept (the ids sort by time and end in verb and
# token), so that a failover that cron repeats takes no unfinished reboot's record away
record() {
  cat >"$STAGE/record"
  kept "$1" "$STAGE/record" "$ETC/runs/$2.json" 600
  case $? in
    0) done_if "$1" 0 ;;
    1) result "$1" unchanged 0 "" ;;
    *) done_if "$1" 2 "cannot write $ETC/runs/$2.json"; return ;;
  esac
  verb=${2#*-*-}
  for file in "$ETC/runs"/*-"${verb%-*}"-*.json; do printf '%s\n' "${file##*/}"; done | sort -r | tail -n +21 |
    while read -r old; do if [ "$old" != "$2.json" ]; then rm -f "$ETC/runs/$old"; fi; done
}
