#!/usr/bin/env bash
# Installs what the jobs need beyond cargo, on Debian: ci/install.sh [GROUP...]
# Without a group: everything that the quick set needs. Installs only what is missing.
set -euo pipefail

main() {
    local group
    [[ $# -gt 0 ]] || set -- system cross qemu hack peer
    for group in "$@"; do
        case $group in
            system) packages strace:strace valgrind:valgrind ip:iproute2 setpriv:util-linux shellcheck:shellcheck ;;
            cross) packages readelf:binutils /usr/bin/rustc:rustc-web /usr/bin/clippy-driver:rust-web-clippy /usr/lib/rustlib/src/rust/library:rust-web-src lld-22:lld-22 ;;
            qemu) packages qemu-system-riscv64:qemu-system-misc qemu-system-arm:qemu-system-arm readelf:binutils ;;
            peer) peers ;;
            servers) packages nginx:nginx-light mosquitto:mosquitto ;;
            mingw) packages x86_64-w64-mingw32-dlltool:binutils-mingw-w64-x86-64 ;;
            hack) cargo_tool cargo-hack ;;
            deny) cargo_tool cargo-deny ;;
            fuzz) cargo_tool cargo-fuzz ;;
            *) echo "install.sh: no group '$group'" >&2; exit 2 ;;
        esac
    done
}

# The tests start what they need; nobody has asked for a service.
peers() {
    local served=
    present nginx && served=yes
    packages ip:iproute2 nft:nftables ping:iputils-ping dnsmasq:dnsmasq-base curl:curl \
        ethtool:ethtool nginx:nginx-light
    [[ -n $served ]] || systemctl disable --now nginx 2>/dev/null || true
}

# packages PROBE:PACKAGE... : a probe is a command, or a path that must exist
packages() {
    local pair missing=()
    for pair in "$@"; do
        present "${pair%%:*}" || missing+=("${pair#*:}")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    echo "+ apt-get install ${missing[*]}"
    apt_get update
    apt_get install -y --no-install-recommends "${missing[@]}"
}

present() {
    if [[ $1 == /* ]]; then [[ -e $1 ]]; else command -v "$1" >/dev/null; fi
}

apt_get() {
    DEBIAN_FRONTEND=noninteractive retry apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null >/dev/null
}

# cargo_tool NAME: kept in cargo's own bin folder, so the next run finds it
cargo_tool() {
    command -v "$1" >/dev/null || retry cargo install --quiet --locked "$1"
}

retry() {
    local try
    for try in 1 2 3; do
        "$@" && return 0
        echo "install.sh: try $try failed: $*" >&2
        sleep $((try * 5))
    done
    return 1
}

main "$@"
