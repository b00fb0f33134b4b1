# shellcheck shell=sh
# Configs and secrets of units, for scripts made of base.sh. A file lies in a folder that is named after what the
# unit was made from, so that the files of the present unit and of the one before it are both there.

# unit_file INSTANCE PATH MODE UID GID DIGEST: stage a file of a unit, its content on stdin in base64; PATH is below $ETC
unit_file() {
  printf '%s %s %s %s %s %s\n' "$@" >>"$STAGE/files"
  mkdir -p "$STAGE/file/$1" && base64 -d >"$STAGE/file/$1/${2##*/}"
}

# lay_files INSTANCE: put what is staged for a unit where the unit says; each file is wholly old or wholly new
lay_files() {
  if [ ! -s "$STAGE/files" ]; then return 0; fi
  while read -r of path mode uid gid digest; do
    if [ "$of" != "$1" ]; then continue; fi
    from=$STAGE/file/$1/${path##*/}
    if [ "$(sha "$from")" != "$digest" ]; then printf '%s did not arrive whole\n' "${path##*/}" >&2; return 1; fi
    mkdir -p "$ETC/${path%/*}" && chown "$uid:$gid" "$from" && lay "$from" "$ETC/$path" "$mode" || return 1
  done <"$STAGE/files"
}

# lay FROM TO MODE: as put, and of the same owner
lay() {
  lay_tmp=${2%/*}/.${2##*/}.clusterctl-tmp
  if cp "$1" "$lay_tmp" && chown --reference="$1" "$lay_tmp" && chmod "$3" "$lay_tmp" && sync "$lay_tmp" &&
    cmp -s "$1" "$lay_tmp" && mv -f "$lay_tmp" "$2"; then sync "${2%/*}"
  else rm -f "$lay_tmp"; return 1; fi
}

# sweep_files INSTANCE: remove the folders that neither the present unit nor the one before it names
sweep_files() {
  for folder in "$ETC/files/$1"/*; do
    if [ ! -d "$folder" ]; then continue; fi
    if ! grep -qF "/files/$1/${folder##*/}/" "$UNITS/clusterctl-$1.service" "$KEPT/clusterctl-$1.service" 2>/dev/null; then
      rm -rf "$folder"
    fi
  done
}
