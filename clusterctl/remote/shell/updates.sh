# shellcheck shell=sh
# Steps of an OS update, for scripts made of base.sh. What they do is done by the kit of
# the run, kit.sh in /var/lib/clusterctl/updates/RUN (updates_kit.sh with the driver's functions), in a
# process of its own: the same text that undoes the update when nobody can reach the host any more.
UPDATES=/var/lib/clusterctl/updates

# update_file RUN NAME: a file for the run's kit, on stdin; taken over by its stage
update_file() {
  mkdir -p "$UPDATES/$1" && cat >"$UPDATES/$1/$2.new" && sync "$UPDATES/$1/$2.new"
}

# update ID VERB RUN TIMEOUT_S [ARGUMENT]: what the kit says is the result; 0 changed, 3 unchanged, 2 failed but as before
update() {
  if skipped "$1"; then return; fi
  update_dir=$UPDATES/$3; : >"$STAGE/log.$1"
  if [ "$2" = stage ] && [ -s "$update_dir/kit.new" ]; then mv -f "$update_dir/kit.new" "$update_dir/kit.sh"; fi
  if [ "$2" = undo ] && [ ! -s "$update_dir/kit.sh" ]; then result "$1" unchanged 0 "nothing was updated here"; return; fi
  if [ ! -s "$update_dir/kit.sh" ]; then
    result "$1" failed 0 "run $3 has staged no update on this host; nothing was changed"; return
  fi
  # the host's lock (9) must not be inherited by what a package starts
  timeout "$4" sh "$update_dir/kit.sh" "$2" "$5" >"$STAGE/update" 2>"$STAGE/log.$1" </dev/null 9>&-
  update_rc=$?
  update_said=$(last_line "$STAGE/update")
  case $update_rc in
    0) : >"$STAGE/log.$1"; result "$1" changed 0 "$update_said" ;;
    3) : >"$STAGE/log.$1"; result "$1" unchanged 0 "$update_said" ;;
    2) result "$1" failed 1 "$update_said" ;;
    124) result "$1" failed 0 "did not end within $4 s; the host takes the update back itself unless it is resumed" ;;
    *) result "$1" failed 0 "${update_said:-the update kit ended with $update_rc}" ;;
  esac
}
