#!/bin/sh
# One look at a host: everything clusterctl.model.snapshot.HostFacts holds, in one run, changing nothing but
# the epoch that it is told to claim. Sent on stdin of `sh -s` as root (POSIX sh: dash, bash, busybox).
# clusterctl.remote.facts puts NONCE, SETTLE_S, IMAGES (one reference per line), HISTORY (1: older manifests
# too), RUN (whose record is wanted whole), CLAIM (an epoch, 0 for none), CLUSTER, PACKAGES (1: look_packages.sh too), `frame`
# (remote/frame.py) and observe_records.sh before this text and reads the answer.
# All of it is functions until the last line, so a script that arrives torn does nothing.
# Docker and the registry are asked in the background, into files, while systemd is asked: whoever of
# them hangs costs one deadline, not the sum.

# section NAME COMMAND...: the command's output as one section
section() {
    section_name=$1
    shift
    frame section "$section_name"
    "$@" 2>/dev/null
    section_rc=$?
    frame end-section "$section_rc"
    return "$section_rc"
}

# answer JOB NAME: what a background job left (see ask), as section NAME; where it failed, also NAME.error
answer() {
    answer_rc=127
    [ -r "$work/$1.rc" ] && read -r answer_rc <"$work/$1.rc"
    frame section "$2"
    [ -r "$work/$1.out" ] && cat "$work/$1.out"
    frame end-section "$answer_rc"
    [ "$answer_rc" -eq 0 ] || section "$2.error" head -c 2000 "$work/$1.err"
}

# ask JOB SECONDS COMMAND...: run within a deadline; timeout(1) exits 124 when it passes
ask() {
    ask_name=$1
    shift
    timeout "$@" >"$work/$ask_name.out" 2>"$work/$ask_name.err"
    echo "$?" >"$work/$ask_name.rc"
}

say() { printf '%s %s\n' "$1" "$2"; }

# first FILE: its first line, by the shell itself (no process)
first() {
    line=
    [ -r "$1" ] && IFS= read -r line <"$1"
    printf '%s' "$line"
}

basics() {
    say uname "$(uname -r -m)"
    say boot_id "$(first /proc/sys/kernel/random/boot_id)"
    say machine_id "$(first /etc/machine-id)"
    say cpus "$(nproc)"
    say load "$(first /proc/loadavg)"
    say uptime "$(first /proc/uptime)"
    say clock "$(date +%s)"
    while read -r key value _; do
        case $key in
            MemTotal: | MemAvailable:) say "$key" "$value" ;;
        esac
        [ "$key" = MemAvailable: ] && break
    done </proc/meminfo
    while read -r key value _; do
        [ "$key" = btime ] && say btime "$value" && break
    done </proc/stat
    for file in /etc/os-release /usr/lib/os-release; do
        [ -r "$file" ] || continue
        while read -r line; do
            case $line in PRETTY_NAME=*) say os "${line#*=}" ;; esac
        done <"$file"
        break
    done
}

# files NAME LIMIT FILE...: each regular file as a section NAME:basename, at most LIMIT bytes of it
files() {
    files_name=$1
    files_limit=$2
    shift 2
    for file; do
        [ -f "$file" ] || continue
        name=${file##*/}
        case $name in
            *[!A-Za-z0-9_.@+-]*) continue ;;
        esac
        section "$files_name:$name" head -c "$files_limit" "$file"
    done
}

UNIT_PROPERTIES=Id,LoadState,ActiveState,SubState,Result,UnitFileState,DropInPaths,NeedDaemonReload,NRestarts
UNIT_PROPERTIES=$UNIT_PROPERTIES,ActiveEnterTimestamp,ActiveEnterTimestampMonotonic
UNIT_PROPERTIES=$UNIT_PROPERTIES,StateChangeTimestamp,StateChangeTimestampMonotonic

show_units() {
    [ -e "$1" ] || return 0
    names=
    for file; do
        case ${file##*/} in
            *[!A-Za-z0-9_.@+-]*) ;;
            *) names="$names ${file##*/}" ;;
        esac
    done
    # Names are of the characters above, so splitting is safe. systemd before 251 knows no unix style.
    # shellcheck disable=SC2086
    timeout 10 systemctl show --timestamp=unix -p "$UNIT_PROPERTIES" -- $names 2>/dev/null ||
        timeout 10 systemctl show -p "$UNIT_PROPERTIES" -- $names
}

systemd() {
    # Where systemd does not answer (124: its deadline passed), nothing more is asked of it.
    section manager timeout 10 systemctl show -p Version,SystemState,NFailedUnits || return 0
    section failed timeout 5 systemctl list-units --failed --no-legend --plain --no-pager
    section units show_units /etc/systemd/system/clusterctl-*.service
}

CONTAINER_FORMAT='{"id":{{json .ID}},"name":{{json .Name}},"image":{{json .Config.Image}},"image_id":{{json .Image}},
"state":{{json .State.Status}},"health":{{if .State.Health}}{{json .State.Health.Status}}{{else}}""{{end}},
"started_at":{{json .State.StartedAt}},"labels":{{json .Config.Labels}},
"checks":[{{with .State.Health}}{{if eq .Status "unhealthy"}}{{range .Log}}
{"exit":{{.ExitCode}},"said":{{json (printf "%.300s" .Output)}}},{{end}}{{end}}{{end}}null],
"bindings":{{json .HostConfig.PortBindings}},"ports":{{json .NetworkSettings.Ports}}}'
CONTAINER_FORMAT=$(printf '%s' "$CONTAINER_FORMAT" | tr -d '\n')

ask_containers() {
    ask ids 20 docker ps --all --quiet --no-trunc
    read -r rc <"$work/ids.rc"
    if [ "$rc" -ne 0 ]; then
        mv "$work/ids.err" "$work/containers.err"
        echo "$rc" >"$work/containers.rc"
    elif [ -s "$work/ids.out" ]; then
        ask containers 8 xargs docker inspect --type container --format "$CONTAINER_FORMAT" <"$work/ids.out"
    else
        echo 0 >"$work/containers.rc"
    fi
}

# resolve N REFERENCE: the engine asks the registry, as it would for a pull; else the docker command does
resolve() {
    ask "resolve.$1" 12 curl -sS -m 10 -w '\n%{http_code}\n' --unix-socket /var/run/docker.sock \
        "http://localhost/distribution/$2/json"
    case $(tail -n 1 "$work/resolve.$1.out") in
        200 | 404) return ;;
    esac
    # No curl, or a registry that wants the login in root's docker configuration.
    if [ -e "$HOME/.docker/config.json" ] || ! command -v curl >/dev/null; then
        ask "manifest.$1" 10 docker manifest inspect -v "$2"
    fi
}

ask_docker() {
    ask info 20 docker info --format '{{if .Info}}{{json .ServerVersion}} {{json .DockerRootDir}}{{end}}' &
    ask_containers &
    ask images 20 docker image ls --no-trunc --digests --format '{{json .}}' &
    ask volumes 20 docker volume ls --quiet &
    ask networks 20 docker network ls --format '{{.Name}} {{.Label "io.clusterctl.network"}}' &
    count=0
    for image in $IMAGES; do
        resolve "$count" "$image" &
        count=$((count + 1))
        [ $((count % 16)) -eq 0 ] && wait
    done
    wait
}

tell_docker() {
    for name in info containers images volumes networks; do
        answer "$name" "$name"
    done
    count=0
    for image in $IMAGES; do
        answer "resolve.$count" "resolve:$image"
        [ -e "$work/manifest.$count.rc" ] && answer "manifest.$count" "manifest:$image"
        count=$((count + 1))
    done
}

# The disk docker's data is on: its own answer, else the usual place.
disk() {
    root=
    [ -r "$work/info.out" ] && read -r _ root <"$work/info.out"
    root=${root#?}
    root=${root%?}
    [ -d "$root" ] || root=/var/lib/docker
    [ -d "$root" ] || root=/
    df -Pk -- "$root"
}

listeners() {
    if command -v ss >/dev/null; then
        ss -Hltun
    else
        # State 0A listens (tcp), 07 is bound without a peer (udp); addresses are hexadecimal.
        for protocol in tcp tcp6 udp udp6; do
            [ -r "/proc/net/$protocol" ] || continue
            awk -v p="$protocol" '$4 == "0A" || $4 == "07" { print "proc", p, $2 }' "/proc/net/$protocol"
        done
    fi
}

# digests FILE...: the sha256 of each regular file
digests() {
    for file; do
        shift
        [ ! -f "$file" ] || set -- "$@" "$file"
    done
    [ $# -eq 0 ] || sha256sum -- "$@"
}

# A change under way holds the host's lock; wait for its end, and say who holds it if it does not come.
settle() {
    lock=/run/clusterctl/lock
    [ "$SETTLE_S" -gt 0 ] && [ -e "$lock" ] || return 0
    if ! flock -s -w "$SETTLE_S" "$lock" true; then
        section busy first /run/clusterctl/holder
    fi
}

main() {
    umask 077
    export LC_ALL=C LANG=C HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin
    unset DOCKER_HOST DOCKER_CONTEXT
    cd / || exit 1
    frame begin
    work=$(mktemp -d /run/clusterctl-look.XXXXXX 2>/dev/null || mktemp -d) || exit 1
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    settle
    (claim) >/dev/null 2>&1
    ask_docker >/dev/null 2>&1 &
    section basics basics
    systemd
    files unit 65536 /etc/systemd/system/clusterctl-*.service
    section digests digests /etc/systemd/system/clusterctl-*.service
    files cluster 256 /etc/clusterctl/cluster
    files marker 4096 /etc/clusterctl/markers/*
    files manifest 8388608 /etc/clusterctl/projects/*.json
    [ "$HISTORY" != 1 ] || files history 8388608 /etc/clusterctl/history/*.json
    records
    [ ! -e /etc/clusterctl/epoch ] || section epoch head -c 100 /etc/clusterctl/epoch
    reboot_due
    [ "$PACKAGES" != 1 ] || look_packages
    section env digests /etc/clusterctl/env/*.env
    section listen listeners
    wait
    tell_docker
    section disk disk
    frame end 0
}

main </dev/null
