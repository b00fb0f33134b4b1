#!/bin/sh
# What this host finds of others: an SSH banner, an answer of a service, a closed port, or nothing. Changes nothing.
# clusterctl.remote.peers puts NONCE, TARGETS (a line "NAME ADDRESS SSH_PORT PORT..." for each host) and `frame` before
# this text. Sockets are opened by bash (/dev/tcp), which whatever has systemd has; without it the answer is "unknown".
# All of it is functions until the last line, so a script that arrives torn does nothing.

# knock ADDRESS PORT WHAT: print banner, service or refused, where there was a sign of life. A service may speak or
# hang up: either needs somebody who is there, unlike the handshake, which the kernel of a frozen machine still does.
knock() {
    # shellcheck disable=SC2016
    LC_ALL=C timeout 6 bash -c '
        said=$( { exec 3<>"/dev/tcp/$0/$1"; } 2>&1 )
        case $said in *"Connection refused"*) echo refused; exit ;; ?*) exit ;; esac
        exec 3<>"/dev/tcp/$0/$1"
        if [ "$2" = ssh ]; then
            IFS= read -r -t 4 line <&3
            case $line in SSH-*) echo banner ;; esac
        else
            printf "GET / HTTP/1.0\r\n\r\n" >&3
            IFS= read -r -t 4 -n 1 line <&3
            [ $? -gt 128 ] || echo service
        fi
    ' "$1" "$2" "$3" 2>/dev/null
}

# try NAME ADDRESS SSH_PORT PORT...: one line, the strongest sign
try() {
    name=$1
    address=$2
    signs=$(
        knock "$address" "$3" ssh &
        shift 3
        for port; do knock "$address" "$port" service & done
        wait
    )
    for sign in banner service refused nothing; do
        case "$signs nothing" in *"$sign"*) break ;; esac
    done
    printf '%s %s\n' "$name" "$sign"
}

look_at_peers() {
    printf '%s\n' "$TARGETS" | {
        while read -r name address ports; do
            [ -n "$name" ] || continue
            if command -v bash >/dev/null; then
                # A list of numbers:
                # shellcheck disable=SC2086
                try "$name" "$address" $ports &
            else
                printf '%s unknown\n' "$name"
            fi
        done
        wait
    }
}

main() {
    trap '' PIPE
    frame begin
    frame section signs
    look_at_peers </dev/null
    frame end-section 0
    frame end 0
}
main
