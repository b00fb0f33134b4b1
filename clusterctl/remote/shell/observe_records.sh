# shellcheck shell=sh
# Parts of a look (observe.sh): the epoch that is claimed, the records of runs, whether a reboot is due.

# claim: the host remembers the operator's epoch, unless it has seen as high a one. Not on another's host.
claim() {
    [ "$CLAIM" -gt 0 ] || return 0
    mkdir -p /run/clusterctl /etc/clusterctl || return 1
    owner=$(first /etc/clusterctl/cluster)
    [ -z "$owner" ] || [ "$owner" = "$CLUSTER" ] || return 0
    # the lock of the host, then that of the number: as shell/base.sh takes them
    exec 9>>/run/clusterctl/lock 8>>/run/clusterctl/epoch.lock
    if flock -w 10 9 && flock -w 10 8; then
        seen=0
        [ ! -e /etc/clusterctl/epoch ] || seen=$(first /etc/clusterctl/epoch)
        case $seen in
            '' | *[!0-9]* | ????????????????*) ;;
            *) [ "$CLAIM" -le "$seen" ] || write_epoch ;;
        esac
    fi
}

write_epoch() {
    new=/etc/clusterctl/.epoch.clusterctl-tmp
    if printf '%s\n' "$CLAIM" >"$new" && chmod 644 "$new" && sync "$new" && mv -f "$new" /etc/clusterctl/epoch; then
        sync /etc/clusterctl
    else
        rm -f "$new"
    fi
}

# records: what was done here, a line each; the whole record of one run
records() {
    for file in /etc/clusterctl/runs/*.json; do
        name=${file##*/}
        case $name in
            *[!A-Za-z0-9_.@+-]*) ;;
            "$RUN.json") files run 8388608 "$file" ;;
            *) [ -f "$file" ] && section "run:$name" head -n 1 "$file" ;;
        esac
    done
}

# reboot_due: whether installed packages want a reboot, and which (Debian and its kin)
reboot_due() {
    for file in /run/reboot-required /var/run/reboot-required; do
        [ -e "$file" ] || continue
        section reboot head -c 8192 "$file.pkgs"
        return
    done
}
