# shellcheck shell=sh
# Networks of units, for scripts made of base.sh: units make them, what no unit on the host names is removed here.

# sweep_networks UNIT: remove every network of ours that no unit but UNIT (a file, - for none) names. Docker keeps
# one that is in use, and what is not labelled as ours is not seen.
sweep_networks() {
  docker network ls --filter label=io.clusterctl.network --format '{{.Name}}' 2>/dev/null >"$STAGE/networks"
  while read -r network; do
    used=
    for file in "$UNITS"/clusterctl-*.service; do
      if [ "$file" = "$1" ] || [ ! -f "$file" ]; then continue; fi
      case " $(sed -n 's/^Networks=//p' "$file") " in *" $network "*) used=1; break ;; esac
    done
    if [ -z "$used" ]; then docker network rm "$network" >/dev/null 2>&1; fi
  done <"$STAGE/networks"
}
