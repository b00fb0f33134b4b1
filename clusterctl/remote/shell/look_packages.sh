# shellcheck shell=sh disable=SC2154 # $work is of observe.sh
# What an update of the operating system would change, for a look (observe.sh: `section`): `look_packages` prints
# sections packages.*, read by clusterctl/remote/packages. Only package lists are refreshed; nothing is installed.
UPDATES=/var/lib/clusterctl/updates

# The first that fits; image-based systems first, since they may also have a package manager
package_driver() {
    if command -v bootc && bootc status --format json; then set -- bootc
    elif [ -e /run/ostree-booted ] && command -v rpm-ostree; then set -- rpm-ostree
    elif command -v transactional-update; then set -- transactional-update
    elif command -v update_engine_client; then set -- flatcar
    elif command -v apt-get && command -v dpkg; then set -- apt
    elif command -v zypper; then set -- zypper
    elif command -v dnf; then set -- dnf
    else set -- none
    fi >/dev/null 2>&1
    echo "$1"
}

package_files() {
    for file in bad armed undone; do
        [ -e "$UPDATES/$file" ] && section "packages.$file" head -c 65536 "$UPDATES/$file"
    done
    # An update of this boot, not committed yet
    armed=$(first "$UPDATES/armed")
    if [ -n "$armed" ] && [ "$(first "$UPDATES/$armed/boot")" = "$(first /proc/sys/kernel/random/boot_id)" ]; then
        section packages.applied head -c 1048576 "$UPDATES/$armed/changes"
    fi
    set -- /run/reboot-required /var/run/reboot-required
    for file; do
        [ -e "$file" ] && section packages.reboot cat /run/reboot-required.pkgs && break
    done
    if command -v needrestart >/dev/null; then section packages.needrestart timeout 30 needrestart -b; fi
}

# apt's lists have a lock that apt does not wait for
apt_refresh() {
    tries=0
    while :; do
        timeout 120 apt-get -q -o APT::Update::Error-Mode=any update >"$work/refresh" 2>&1
        refreshed=$?
        tries=$((tries + 1))
        if ! grep -q 'Could not get lock' "$work/refresh" || [ "$tries" -ge 12 ]; then break; fi
        sleep 5
    done
    grep '^[EW]:' "$work/refresh"
    return "$refreshed"
}

look_apt() {
    section packages.refresh apt_refresh
    section packages.pending timeout 60 apt-get -s -q -o Debug::NoLocking=1 dist-upgrade
    section packages.audit dpkg --audit
    section packages.held apt-mark showhold
    if command -v unattended-upgrade >/dev/null; then
        section packages.auto apt-config dump Unattended-Upgrade::Automatic-Reboot
    fi
}

installed_rpms() { rpm -qa --qf '%{NAME}.%{ARCH} %{EVR}\n'; }

look_rpm() {
    section packages.installed installed_rpms
    case $1 in
        dnf)
            section packages.pending timeout 120 dnf -q --refresh check-upgrade
            section packages.security timeout 60 dnf -q updateinfo list --updates security
            section packages.needs timeout 60 dnf needs-restarting -r
            section packages.auto cat /etc/dnf/automatic.conf
            ;;
        *)
            section packages.pending timeout 120 zypper --non-interactive --xmlout list-updates
            section packages.security timeout 60 zypper --non-interactive --xmlout list-patches --category security
            section packages.needs timeout 60 zypper needs-rebooting
            section packages.auto cat /etc/transactional-update.conf
            ;;
    esac
}

look_packages() {
    driver=$(package_driver)
    section packages.driver echo "$driver"
    package_files
    case $driver in
        apt) look_apt ;;
        dnf) look_rpm dnf ;;
        zypper | transactional-update) look_rpm zypper ;;
        rpm-ostree)
            section packages.refresh timeout 120 rpm-ostree upgrade --check
            section packages.status rpm-ostree status --json
            ;;
        bootc)
            section packages.refresh timeout 120 bootc upgrade --check
            section packages.status bootc status --format json
            ;;
        flatcar)
            section packages.refresh timeout 60 update_engine_client -check_for_update
            section packages.status timeout 30 update_engine_client -status
            section packages.release cat /usr/share/flatcar/release
            section packages.auto cat /etc/flatcar/update.conf
            ;;
    esac
}
