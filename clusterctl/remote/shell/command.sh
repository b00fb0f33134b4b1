# shellcheck shell=sh
# Commands, files and the reboot, for scripts made of base.sh.

# tail_of FILE: keep the end of what comes on stdin, until the line `NONCE rc N`; a daemon that the command left
# behind may hold the pipe open for ever, and a chatty command waits for us instead of filling the disk
tail_of() {
  : >"$1.both"
  while :; do
    dd bs=65536 count=1 of="$1" 2>/dev/null
    if [ ! -s "$1" ]; then break; fi
    cat "$1.both" "$1" | tail -c 131072 >"$1.new"
    mv -f "$1.new" "$1.both"
    if [ -n "$(sed -n "/^$NONCE rc /p" "$1.both")" ]; then break; fi
  done
  sed "/^$NONCE rc /q" "$1.both" >"$1.new"
  mv -f "$1.new" "$1.both"
}

# shell_for SECONDS TEXT FILE: run a command as root within its time, without our lock; its end goes to FILE
shell_for() {
  printf '%s\n' "$2" >"$STAGE/command"
  { (trap - PIPE; cd / && HOME=/root timeout -k 5 "$1" /bin/sh "$STAGE/command" </dev/null 9>&-) 2>&1
    printf '\n%s rc %s\n' "$NONCE" "$?"; } | tail_of "$STAGE/output"
  shell_rc=$(sed -n "s/^$NONCE rc //p" "$STAGE/output.both")
  sed "/^$NONCE rc /d; /^\$/d" "$STAGE/output.both" >"$3"
  return "${shell_rc:-1}"
}

# command_line ID SECONDS CREATES UNLESS COMMAND: creates and unless may be empty
command_line() {
  if [ -n "$3" ] && [ -e "$3" ]; then result "$1" unchanged 0 "$3 exists"; return; fi
  if [ -n "$4" ] && shell_for "$2" "$4" "$STAGE/unless"; then result "$1" unchanged 0 "not needed"; return; fi
  shell_for "$2" "$5" "$STAGE/log.$1"
  case $? in
    0) result "$1" changed 0 "" ;;
    124 | 137) result "$1" failed 0 "the command did not end within $2 s" ;;
    *) result "$1" failed 0 "the command ended with exit code $shell_rc" ;;
  esac
}

# as_wanted PATH DIGEST MODE OWNER
as_wanted() {
  [ "$(sha "$1")" = "$2" ] && [ "$(stat -c %a "$1")" = "$3" ] && is_owned "$1" "${4%%:*}" "${4#*:}" "$4"
}

# is_owned PATH USER GROUP WRITTEN: by name or by number; without a colon the group does not matter
is_owned() {
  case " $(stat -c '%U %u' "$1") " in *" $2 "*) ;; *) return 1 ;; esac
  case $4 in
    *:*) case " $(stat -c '%G %g' "$1") " in *" $3 "*) ;; *) return 1 ;; esac ;;
  esac
}

# bent PATH: print the first link on the way to it that somebody else can bend: not root's or ours, or where everybody may write
bent() {
  bent_way=${1%/*}
  while [ -n "$bent_way" ]; do
    if [ -L "$bent_way" ]; then
      case $(stat -c %u "$bent_way") in 0 | "$(id -u)") ;; *) echo "$bent_way"; return ;; esac
      if [ -n "$(find "${bent_way%/*}/." -maxdepth 0 -perm -0002)" ]; then echo "$bent_way"; return; fi
    fi
    bent_way=${bent_way%/*}
  done
}

# file ID PATH DIGEST MODE OWNER: the content in base64 on stdin
file() {
  if [ -L "$2" ]; then result "$1" failed 0 "$2 is a symbolic link; name the file it leads to"; return; fi
  if [ -e "$2" ] && [ ! -f "$2" ]; then result "$1" failed 0 "$2 is no file; nothing was changed"; return; fi
  if [ ! -d "${2%/*}/" ]; then result "$1" failed 0 "there is no folder ${2%/*}"; return; fi
  file_bent=$(bent "$2")
  if [ -n "$file_bent" ]; then result "$1" failed 0 "$file_bent is a symbolic link that others can bend"; return; fi
  if [ -e "$2" ] && as_wanted "$2" "$3" "$4" "$5"; then result "$1" unchanged 0 ""; return; fi
  place "$2" "$3" "$4" "$5" 2>"$STAGE/log.$1"
  done_if "$1" "$?" "cannot write $2"
}

# place PATH DIGEST MODE OWNER: beside it under a name nobody can guess, on the disk, and only then in its place
place() {
  place_tmp=$(mktemp "${1%/*}/.clusterctl.XXXXXXXX") || return 1
  if base64 -d >"$place_tmp" && [ "$(sha "$place_tmp")" = "$2" ] && chown "$4" "$place_tmp" && chmod "$3" "$place_tmp" &&
    sync "$place_tmp" && mv -fT "$place_tmp" "$1"; then
    sync "${1%/*}/"
  else
    rm -f "$place_tmp"; return 1
  fi
}

# reboot_host ID BOOT_ID: two seconds from now, so that this script still answers
reboot_host() {
  if [ "$(cat "$BOOT_ID")" != "$2" ]; then result "$1" unchanged 0 "rebooted already"; return; fi
  systemd-run --quiet --collect --on-active=2 --timer-property=AccuracySec=100ms systemctl reboot 2>"$STAGE/log.$1" </dev/null
  done_if "$1" "$?" "systemd-run"
}
