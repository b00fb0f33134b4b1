# shellcheck shell=sh
# The right to change the cluster, as one lock host keeps it (remote/lock.py and remote/lock_look.py talk with it).
# All of it is functions; the last line, put there by the caller, is one of `hold`, `tell` or `free`.
# Set by the caller: NONCE, `frame` (remote/frame.py), and for hold CLAIM and SILENCE_S, for free EPOCH and WORDS.
# Descriptor 9 is the lock: no child that waits may inherit it, or it would keep the lock after this shell.
LC_ALL=C; export LC_ALL
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH
ETC=/etc/clusterctl
RUN=/run/clusterctl
LOCK=$RUN/fleet.lock
HOLDER=$RUN/fleet.holder

# epoch: the highest number this host has seen, 0 before the first; fails where the file holds something else
epoch() {
  seen=0
  if [ -e "$ETC/epoch" ]; then seen=; read -r seen <"$ETC/epoch"; fi
  case $seen in '' | *[!0-9]* | ????????????????*) return 1 ;; esac
  printf '%s' "$seen"
}

# raise_epoch N: wholly old or wholly new, and never lower; fails where the host has seen as high a number
raise_epoch() {
  exec 8>>"$RUN/epoch.lock"
  raised=1
  if flock -w 5 8 && seen=$(epoch) && [ "$1" -gt "$seen" ] && printf '%s\n' "$1" >"$ETC/.epoch.tmp" &&
    sync "$ETC/.epoch.tmp" && chmod 644 "$ETC/.epoch.tmp" && mv -f "$ETC/.epoch.tmp" "$ETC/epoch"; then
    sync "$ETC"
    raised=0
  fi
  exec 8>&-
  return "$raised"
}

holder() { head -c 2000 "$HOLDER" 2>/dev/null | tr -d '\n\r'; }

# holds PID: that shell has the lock file of today open, and the flock is on it (proc(5), fdinfo)
holds() {
  case $1 in '' | *[!0-9]*) return 1 ;; esac
  [ "/proc/$1/fd/9" -ef "$LOCK" ] && grep -q '^lock:.* FLOCK ' "/proc/$1/fdinfo/9" 2>/dev/null
}

# the shell that says it holds the lock, if it does
holding() {
  pid=$(holder | sed -n 's/.*"pid":\([0-9]\{1,9\}\)}$/\1/p')
  holds "$pid" && printf '%s' "$pid"
}

# sign EPOCH: write down who holds the lock
sign() {
  printf '{%s,"since":%s,"epoch":%s,"pid":%s}\n' "$CLAIM" "$SINCE" "$1" "$$" >"$HOLDER.tmp" &&
    chmod 644 "$HOLDER.tmp" && mv -f "$HOLDER.tmp" "$HOLDER"
}

ready() {
  umask 077
  mkdir -p "$RUN" "$ETC" || return 1
  command -v flock >/dev/null || { printf 'flock (util-linux) is not installed\n' >&2; return 1; }
}

# One line of the operator, within its time, for $(...) only: `read` of POSIX knows no time limit
hear() {
  # $line is the inner shell's
  # shellcheck disable=SC2016
  exec timeout "$SILENCE_S" sh -c 'IFS= read -r line && printf %s "$line"' 9>&- 2>/dev/null
}

# hold: take the lock or say who has it; keep it until told to release it, or until the operator falls silent
hold() {
  trap '' PIPE # a holder that cannot answer any more still cleans up
  frame begin
  why=$(ready 2>&1) || { frame failed "$why"; return; }
  exec 9>>"$LOCK"
  if ! flock -n 9 || ! [ "/proc/$$/fd/9" -ef "$LOCK" ]; then
    frame busy "$(date +%s)" "$(holder)"
    return
  fi
  SINCE=$(date +%s)
  if ! at=$(epoch); then frame failed "$ETC/epoch does not hold a number"
  elif ! why=$(sign 0 2>&1); then frame failed "$why"
  else
    frame held "$at"
    serve
  fi
  rm -f "$HOLDER"
}

# serve: "TOKEN ORDER" each line; the answer begins with the token
serve() {
  while said=$(hear); do
    token=${said%% *}; order=${said#* }
    case $token in '' | *[!0-9a-f]*) continue ;; esac
    case $order in
      beat) ;;
      prove) if holds "$$"; then frame "$token" held "$(epoch)"; else frame "$token" lost; fi ;;
      release) rm -f "$HOLDER"; exec 9>&-; frame "$token" released; exit 0 ;;
      epoch\ [1-9]*) number "$token" "${order#* }" ;;
    esac
  done
}

# number TOKEN N: take the number of the run; one that is there already serves too
number() {
  case $2 in *[!0-9]* | ????????????????*) return ;; esac
  if raise_epoch "$2" 2>/dev/null && sign "$2"; then frame "$1" raised "$2"
  else frame "$1" refused "$(epoch)"; fi
}

# section NAME: its body on stdin
section() { frame "section $1"; cat; frame "end-section 0"; }

# tell: who holds the lock; changes nothing
tell() {
  frame begin
  date +%s | section clock
  if at=$(epoch); then printf '%s' "$at" | section epoch; fi
  if [ -e "$HOLDER" ] && holding >/dev/null; then holder | section holder; fi
  frame end 0
}

# free: end the shell that holds the lock, and make its number an old one; WORDS go to the host's journal
# shellcheck disable=SC2153
free() {
  frame begin
  if ! why=$(ready 2>&1); then printf '%s\n' "$why" | section failed; frame end 1; return; fi
  date +%s | section clock
  if pid=$(holding); then
    was=$(holder)
    kill -KILL "$pid"
    printf '%s' "$was" | section ended
    words="$WORDS; it was held by: $was"
  else
    words="$WORDS; nobody held it here"
  fi
  exec 9>>"$LOCK"
  # whoever takes it in this moment has signed it, and keeps it
  if flock -w 3 9; then rm -f "$HOLDER"; fi
  exec 9>&-
  if ! raise_epoch "$EPOCH" 2>/dev/null; then words="$words; the epoch was not raised"; fi
  timeout 5 logger -t clusterctl -- "$words" </dev/null >/dev/null 2>&1
  if at=$(epoch); then printf '%s' "$at" | section epoch; fi
  frame end 0
}
