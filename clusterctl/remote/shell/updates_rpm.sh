# shellcheck shell=sh
# rpm with dnf or zypper for updates_kit.sh; names are NAME.ARCH. Against recorded output only, not yet on real hosts.
drv_list() { rpm -qa --qf '%{NAME}.%{ARCH} %{EVR}\n' | sed 's/(none)://' | sort; }
drv_audit() { rpm -Va --nofiles --noscripts 2>/dev/null | grep '^Unsatisfied' | head -n 1; }
drv_kernel() { grep -q '^kernel' "$DIR/changes"; }
drv_before() { :; }

# words: NAME-VERSION.ARCH, as both tools take them; $1 is the column of the version
words() { awk -v column="$1" '$column != "-" { arch = $1; sub(/^.*\./, ".", arch); name = $1; sub(/\.[^.]*$/, "", name)
  version = $column; sub(/^[0-9]*:/, "", version); print name "-" version arch }' "$DIR/changes"; }

# tool VERB WORD...: dnf where there is one, else zypper
tool() {
  verb=$1; shift
  if command -v dnf >/dev/null; then dnf -y -q "$verb" "$@" </dev/null; else zypper --non-interactive "$verb" "$@" </dev/null; fi
}

moved() {
  drv_list | awk -v plan="$DIR/changes" '{ seen[$1 " " $2] = 1; now[$1] = $2 } END { while ((getline line < plan) > 0) { split(line, w, " ")
    if (w[2] != "-" && !((w[1] " " w[2]) in seen) && !((w[1] " " w[3]) in seen)) {
      print w[1] " is " now[w[1]] " and not " w[2] " any more: plan again"; exit } } }'
}

# shellcheck disable=SC2046
drv_stage() {
  why=$(moved); if [ -n "$why" ]; then echo "$why; nothing was changed"; return 1; fi
  mkdir -p "$DIR/old" "$DIR/new"
  if command -v dnf >/dev/null; then
    dnf -y -q download --destdir "$DIR/old" $(words 2) >>"$LOG" 2>&1 </dev/null ||
      { echo "the packages installed now cannot be kept: $(tail -n 1 "$LOG"); nothing was changed"; return 1; }
    dnf -y -q install --downloadonly $(words 3) >>"$LOG" 2>&1 </dev/null ||
      { echo "download failed: $(tail -n 1 "$LOG"); nothing was changed"; return 1; }
    return 0
  fi
  command -v snapper >/dev/null || { echo "zypper cannot go back without snapper; nothing was changed"; return 1; }
  zypper --non-interactive install --download-only $(words 3) >>"$LOG" 2>&1 </dev/null ||
    { echo "download failed: $(tail -n 1 "$LOG"); nothing was changed"; return 1; }
}

drv_ready() { why=$(moved); if [ -n "$why" ]; then echo "$why"; return 1; fi; }

# shellcheck disable=SC2046
drv_apply() { tool install $(words 3) >>"$LOG" 2>&1 || { echo "the package manager failed: $(tail -n 1 "$LOG")"; return 1; }; }

# shellcheck disable=SC2046
drv_undo() {
  drv_list | awk '{ print $1 }' | sort -u >"$DIR/now"
  awk '{ print $1 }' "$DIR/before" | sort -u | comm -13 - "$DIR/now" >"$DIR/gone"
  if [ -s "$DIR/gone" ]; then tool remove $(cat "$DIR/gone") >>"$LOG" 2>&1; fi
  if ls "$DIR"/old/*.rpm >/dev/null 2>&1; then rpm -Uvh --oldpackage --replacepkgs "$DIR"/old/*.rpm >>"$LOG" 2>&1 </dev/null
  else zypper --non-interactive install --oldpackage $(words 2) >>"$LOG" 2>&1 </dev/null; fi
}

drv_units() {
  awk '$2 != "-" { print $1 }' "$DIR/changes" | xargs -r rpm -ql 2>/dev/null |
    sed -n 's|^.*/systemd/system/\([^/@]*\.service\)$|\1|p' | sort -u
}
