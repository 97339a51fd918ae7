#!/usr/bin/env bash
# Builds images and runs them in QEMU, one after the other: run.sh [IMAGE...]
#
#   m0-modem         Cortex-M0, 16 KiB: the modem's driver, sections of the kit
#   m3-modem         the same on a Cortex-M3
#   m3-sections      Cortex-M3, 64 KiB: the smoltcp backend, sections of the kit
#   m4-conformance   Cortex-M4F, 4 MiB: the smoltcp backend, the whole kit
#
# For those who have rustup: rustup target add thumbv6m-none-eabi thumbv7m-none-eabi
# thumbv7em-none-eabihf. Where RUSTC is a compiler that has only the sources of the core library,
# pass BUILD_STD=1. Build output goes to CARGO_TARGET_DIR, or beside the sources.
set -euo pipefail
cd "$(dirname "$0")"
folder=${CARGO_TARGET_DIR:-target}
[[ $# -gt 0 ]] || set -- m0-modem m3-modem m3-sections m4-conformance

# run NAME TARGET MACHINE FEATURE
run() {
    local name=$1 target=$2 machine=$3 feature=$4
    cargo build --quiet --release --package cortex-m-firmware --features "$feature" \
        --bin "$name" --target "$target" --target-dir "$folder" \
        ${BUILD_STD:+-Z build-std=core,alloc}
    timeout "${SECONDS_EACH:-120}" qemu-system-arm -machine "$machine" -nographic -monitor none \
        -serial none -semihosting-config enable=on,target=native \
        -kernel "$folder/$target/release/$name"
}

for image in "$@"; do
    echo "-- $image"
    case $image in
        m0-modem) run modem thumbv6m-none-eabi microbit modem ;;
        m3-modem) run modem thumbv7m-none-eabi lm3s6965evb modem ;;
        m3-sections) run sections thumbv7m-none-eabi lm3s6965evb part-of-kit ;;
        m4-conformance) run conformance thumbv7em-none-eabihf mps2-an386 whole-kit ;;
        *) echo "run.sh: no image '$image'" >&2; exit 2 ;;
    esac
done
