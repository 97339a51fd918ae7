#!/usr/bin/env bash
# Builds an image and runs it on the emulated board: emulate.sh IMAGE [OPTION-OF-THE-EMULATOR...]
#
# What the picture looks like on the panel is in out/IMAGE.png after that. Settings such as
# PICTURE_URL are read from the environment: see firmware/src/lib.rs.
set -euo pipefail
cd "$(dirname "$0")"
image=${1:?which image? See firmware/src/bin}
shift
target=riscv64imac-unknown-none-elf
mkdir -p out
cargo build --quiet --release --package maix-firmware --bin "$image" --target "$target" \
    ${BUILD_STD:+-Z build-std=core}
(unset RUSTC RUSTC_BOOTSTRAP; cargo build --quiet --release --manifest-path emulator/Cargo.toml)
emulator/target/release/k210-emulator "target/$target/release/$image" --png "out/$image.png" "$@"
