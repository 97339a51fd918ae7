#!/usr/bin/env bash
# Builds images and runs them in QEMU, one after the other: run.sh [IMAGE...]
#
#   download_picture  an address by DHCP, a picture over HTTP from this computer's loopback
#   tasks             async: two tasks on embassy-executor, asleep while they wait
#   conformance       the conformance kit
#
# For those who have rustup: rustup target add riscv64gc-unknown-none-elf. Where RUSTC is a
# compiler that has only the sources of the core library, pass BUILD_STD=1. Build output goes
# to CARGO_TARGET_DIR, or beside the sources.
set -euo pipefail
target=riscv64gc-unknown-none-elf
folder=${CARGO_TARGET_DIR:-$(dirname "$0")/target}
folder=$(mkdir -p "$folder" && cd "$folder" && pwd)
cd "$(dirname "$0")"
[[ $# -gt 0 ]] || set -- download_picture tasks conformance

# The program at the other end is built by the compiler of this computer.
env -u RUSTC -u RUSTC_BOOTSTRAP \
    cargo build --quiet --manifest-path host/Cargo.toml --target-dir "$folder/host"
for image in "$@"; do
    echo "-- $image"
    features=()
    [[ $image == download_picture ]] || features=(--features "$image")
    cargo build --quiet --release --package virt-firmware "${features[@]}" --bin "$image" \
        --target "$target" --target-dir "$folder" ${BUILD_STD:+-Z build-std=core,alloc}
    "$folder/host/debug/virt-host" "$folder/$target/release/$image" "${SECONDS_EACH:-120}"
done
