# shellcheck shell=sh
# Systems that are updated as a whole, for updates_kit.sh: transactional-update, rpm-ostree, bootc, Flatcar. An update
# is written beside the present system and used from the next boot on. Against recorded output only.
system() {
  if command -v bootc >/dev/null && bootc status --format json >/dev/null 2>&1; then echo bootc
  elif [ -e /run/ostree-booted ]; then echo rpm-ostree
  elif command -v transactional-update >/dev/null; then echo transactional-update
  else echo flatcar; fi
}

# drv_list: what the next boot uses
drv_list() {
  case $(system) in
    bootc) bootc status --format json | tr ',' '\n' | grep -m 1 '"imageDigest"' ;;
    rpm-ostree) rpm-ostree status --json | tr ',' '\n' | grep -m 1 '"checksum"' ;;
    transactional-update) btrfs subvolume get-default / ;;
    flatcar) cgpt find -t flatcar-rootfs 2>/dev/null | while read -r part; do printf '%s %s\n' "$part" "$(cgpt show -P "$part" 2>/dev/null)"; done ;;
  esac
}
drv_audit() { :; }
drv_units() { :; }
drv_before() { :; }
drv_ready() { :; }
# a new system is used from the next boot on, and so is the old one
drv_kernel() { :; }

drv_stage() {
  case $(system) in
    rpm-ostree) rpm-ostree upgrade --download-only >>"$LOG" 2>&1 </dev/null ;;
    *) : ;;
  esac || { echo "download failed: $(tail -n 1 "$LOG"); nothing was changed"; return 1; }
}

drv_apply() {
  case $(system) in
    bootc) bootc upgrade ;;
    rpm-ostree) rpm-ostree upgrade ;;
    transactional-update) transactional-update --non-interactive up ;;
    flatcar) update_engine_client -update ;;
  esac >>"$LOG" 2>&1 </dev/null || { echo "the update failed: $(tail -n 1 "$LOG")"; return 1; }
}

drv_undo() {
  case $(system) in
    bootc) bootc rollback ;;
    rpm-ostree) rpm-ostree rollback ;;
    transactional-update) transactional-update rollback last ;;
    flatcar) update_engine_client -reset_status ;;
  esac >>"$LOG" 2>&1 </dev/null
}
