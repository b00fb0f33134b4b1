# shellcheck shell=sh
# apt and dpkg for updates_kit.sh; $DIR/changes has a line `NAME OLD NEW` for each package, `-` where there is none.
# Facts that this relies on were measured: docs/updates.md.
DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none UCF_FORCE_CONFFOLD=1
export DEBIAN_FRONTEND NEEDRESTART_MODE APT_LISTCHANGES_FRONTEND UCF_FORCE_CONFFOLD
ARCHIVES=/var/cache/apt/archives
NATIVE=$(dpkg --print-architecture)

apt() {
  apt-get -y -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef \
    -o Dpkg::Options::=--force-confold --no-install-recommends "$@" </dev/null
}

# targets: the words that name the update to `apt install`
targets() { awk '$3 == "-" { print $1 "-"; next } { print $1 "=" $3 }' "$DIR/changes"; }

# packages ABBREVIATIONS: `NAME VERSION` of those in these states (dpkg-query(1), db:Status-Abbrev)
packages() {
  dpkg-query -W -f='${db:Status-Abbrev}|${Package}|${Version}|${Architecture}\n' |
    awk -F'|' -v native="$NATIVE" -v states="$1" 'substr($1, 1, 2) ~ states {
      print ($4 == native || $4 == "all" ? $2 : $2 ":" $4), $3 }' | sort
}
drv_list() { packages '^[ih]i$'; }

drv_audit() { dpkg --audit 2>&1 | grep -v '^$' | head -n 1; }

# simulated: what apt would do for the targets, as lines like those of $DIR/changes
simulated() {
  targets | xargs apt-get -s -q -o Debug::NoLocking=1 --no-install-recommends install >"$DIR/simulation" || return 1
  awk '$1 == "Inst" { if ($3 ~ /^\[/) { old = $3; new = $4 } else { old = "-"; new = $3 }
      gsub(/[][()]/, "", old); gsub(/[][()]/, "", new); print $2, old, new }
    $1 == "Remv" { old = $3; gsub(/[][]/, "", old); print $2, old, "-" }' "$DIR/simulation" | sort -u
}

# moved: the first package that is neither as the plan saw it nor as it is to be
moved() {
  packages '^.[^nc]$' | awk -v plan="$DIR/changes" '{ now[$1] = $2 } END { while ((getline line < plan) > 0) { split(line, w, " ")
    is = (w[1] in now) ? now[w[1]] : "-"
    if (is != w[2] && is != w[3]) { print w[1] " is " is " and not " w[2] " any more: plan again"; exit } } }'
}

drv_stage() {
  why=$(moved); if [ -n "$why" ]; then echo "$why; nothing was changed"; return 1; fi
  if [ "$(state)" = staged ] && kept_whole; then echo unchanged; return 0; fi
  sort "$DIR/changes" >"$DIR/wanted"
  if ! simulated >"$DIR/would"; then echo "apt cannot do this update: $(tail -n 1 "$LOG"); plan again"; return 1; fi
  more=$(diff "$DIR/wanted" "$DIR/would" | grep '^[<>]' | head -n 3 | tr '\n' ' ')
  if [ -n "$more" ]; then echo "apt would do something else than planned ($more): plan again; nothing was changed"; return 1; fi
  why=$(room); if [ -n "$why" ]; then echo "$why; nothing was changed"; return 1; fi
  mkdir -p "$DIR/old" "$ARCHIVES/partial"; : >"$DIR/debs"
  while read -r name old _; do
    if [ "$old" = - ]; then continue; fi
    if ! keep_old "$name" "$old" </dev/null; then
      echo "$name $old cannot be kept, so its update could not be undone: no mirror has it, and dpkg-repack is not installed (apt-get install dpkg-repack); nothing was changed"
      return 1
    fi
  done <"$DIR/changes"
  if ! targets | xargs_apt -d install >>"$LOG" 2>&1; then echo "download failed: $(tail -n 1 "$LOG"); nothing was changed"; return 1; fi
  sync "$DIR/debs" "$DIR/old"
}

# xargs_apt WORD...: apt with the words on stdin as further arguments, all at once
# names and versions hold no blanks; they are split on purpose
# shellcheck disable=SC2046
xargs_apt() { apt "$@" $(cat); }

kept_whole() { [ -e "$DIR/debs" ] && while read -r _ file; do [ -s "$file" ] || return 1; done <"$DIR/debs"; }

# room: why there is too little disk for three times the download (new, old, unpacked), or nothing
room() {
  bytes=$(targets | xargs_apt --print-uris install 2>/dev/null | awk '$3 ~ /^[0-9]+$/ { sum += $3 } END { printf "%d", sum }')
  need=$((bytes * 3 / 1024 + 204800))
  for folder in /var/cache/apt "$ALL" /usr; do
    free=$(df -Pk "$folder" | awk 'NR == 2 { print $4 }')
    if [ "$free" -lt "$need" ]; then echo "$folder has $((free / 1024)) MiB free, the update needs $((need / 1024)) MiB"; return; fi
  done
  if drv_kernel && mountpoint -q /boot && [ "$(df -Pk /boot | awk 'NR == 2 { print $4 }')" -lt 307200 ]; then
    echo "/boot has less than 300 MiB free, and the update has a kernel"
  fi
}

# keep_old NAME VERSION: the package as installed now, from the cache, a mirror, or packed again from the host's files
keep_old() {
  file_version=$(printf '%s' "$2" | sed 's/:/%3a/g')
  for source in cache mirror repack; do
    case $source in
      cache) cp "$ARCHIVES/${1%%:*}_${file_version}_"*.deb "$DIR/old/" 2>/dev/null ;;
      mirror) (cd "$DIR/old" && timeout 300 apt-get -q -o APT::Sandbox::User=root download "$1=$2" >>"$LOG" 2>&1) ;;
      repack) if command -v dpkg-repack >/dev/null; then (cd "$DIR/old" && dpkg-repack "$1" >>"$LOG" 2>&1); fi ;;
    esac
    for file in "$DIR/old/${1%%:*}_"*.deb; do
      if [ -s "$file" ] && is_package "$file" "$1" "$2"; then printf '%s %s\n' "$1" "$file" >>"$DIR/debs"; return 0; fi
    done
  done
  return 1
}

is_package() {
  architecture=$(dpkg-deb -f "$1" Architecture) || return 1
  case $architecture in "$NATIVE" | all) found=$(dpkg-deb -f "$1" Package) ;; *) found=$(dpkg-deb -f "$1" Package):$architecture ;; esac
  [ "$found" = "$2" ] && [ "$(dpkg-deb -f "$1" Version)" = "$3" ]
}

drv_ready() {
  if [ -n "$(drv_audit)" ]; then dpkg --configure -a --force-confdef --force-confold </dev/null >>"$LOG" 2>&1; fi
  why=$(moved); if [ -n "$why" ]; then echo "$why"; return 1; fi
  why=$(drv_audit); if [ -n "$why" ] && [ "$(state)" = staged ]; then echo "dpkg: $why"; return 1; fi
  if ! kept_whole; then echo "the packages kept for the undo are gone: stage again"; return 1; fi
}

drv_before() { apt-mark showauto >"$DIR/auto" && conffiles >"$DIR/conffiles"; }

# conffiles [NAME...]: `PATH MD5`, of all packages or of these
conffiles() { dpkg-query -W -f='${Conffiles}\n' "$@" 2>/dev/null | awk 'NF >= 2 { print $1, $2 }' | sort -u; }

drv_apply() {
  if targets | xargs_apt install >>"$LOG" 2>&1; then rc=0; else rc=$?; fi
  mark_auto
  if [ "$rc" != 0 ]; then echo "apt-get ended with $rc: $(grep '^[EW]:' "$LOG" | tail -n 1)"; return 1; fi
  awk '$3 != "-" { print $1, $3 }' "$DIR/changes" | sort >"$DIR/expected"
  missing=$(drv_list | grep -vxF -f - "$DIR/expected" | head -n 1)
  if [ -n "$missing" ]; then echo "apt-get ended well without $missing"; return 1; fi
}

# `apt install NAME` makes a package count as wanted by a person; what was automatic stays automatic
mark_auto() {
  { awk '{ print $1 }' "$DIR/changes" | grep -xF -f "$DIR/auto"; awk '$2 == "-" { print $1 }' "$DIR/changes"; } | sort -u >"$DIR/mark"
  if [ ! -s "$DIR/mark" ]; then return; fi
  drv_list | awk '{ print $1 }' | grep -xF -f "$DIR/mark" | xargs -r apt-mark auto >>"$LOG" 2>&1
}

drv_undo() {
  dpkg --configure -a --force-confdef --force-confold </dev/null >>"$LOG" 2>&1
  drv_list | grep -vxF -f - "$DIR/before" | awk '{ print $1 }' >"$DIR/back"
  awk '{ print $1 }' "$DIR/before" | sort >"$DIR/names"
  packages '^.[^nc]$' | awk '{ print $1 }' | sort | comm -13 "$DIR/names" - >"$DIR/gone"
  take_conffiles
  files=$(awk -v debs="$DIR/debs" 'BEGIN { while ((getline line < debs) > 0) { split(line, w, " "); file[w[1]] = w[2] } }
    $1 in file { print file[$1] }' "$DIR/back")
  lost=$(awk '{ print $1 }' "$DIR/debs" | grep -vxF -f - "$DIR/back" | head -n 1)
  if [ -n "$lost" ]; then echo "$lost was not kept; "; fi
  if [ -z "$files" ] && [ ! -s "$DIR/gone" ]; then mark_auto; return 0; fi
  # shellcheck disable=SC2046,SC2086
  apt --allow-downgrades --allow-change-held-packages --reinstall --purge install $files $(sed 's/$/-/' "$DIR/gone") >>"$LOG" 2>&1 || undo_by_dpkg
  mark_auto
}

# where apt finds no way, dpkg goes one: the old packages belong together
# shellcheck disable=SC2046,SC2086
undo_by_dpkg() {
  if [ -n "$files" ]; then
    dpkg -i --force-downgrade --force-confdef --force-confold --force-depends $files </dev/null >>"$LOG" 2>&1
  fi
  if [ -s "$DIR/gone" ]; then dpkg --purge --force-depends $(cat "$DIR/gone") </dev/null >>"$LOG" 2>&1; fi
  dpkg --configure -a --force-confdef --force-confold </dev/null >>"$LOG" 2>&1
}

# dpkg leaves behind the configuration files that only the new version has; they are set aside, unless edited
take_conffiles() {
  if [ ! -s "$DIR/back" ]; then return; fi
  awk '{ print $1 }' "$DIR/conffiles" | sort >"$DIR/paths"
  # shellcheck disable=SC2046
  conffiles $(cat "$DIR/back") | while read -r path md5; do
    if ! grep -qxF "$path" "$DIR/paths" && [ "$(md5sum <"$path" 2>/dev/null | cut -c1-32)" = "$md5" ]; then
      mkdir -p "$DIR/taken${path%/*}" && mv "$path" "$DIR/taken$path"
    fi
  done
}

# drv_units: the services of the packages that were changed
drv_units() {
  awk '$2 != "-" { print $1 }' "$DIR/changes" | xargs -r dpkg -L 2>/dev/null |
    sed -n 's|^.*/systemd/system/\([^/@]*\.service\)$|\1|p' | sort -u
}

drv_kernel() { grep -q '^linux-image' "$DIR/changes"; }
