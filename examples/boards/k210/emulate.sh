#!/usr/bin/env bash
# Builds an image and runs it on the emulated board: emulate.sh IMAGE [OPTION-OF-THE-EMULATOR...]
#
# What the picture looks like on the panel is in out/IMAGE.png after that. Settings such as
# PICTURE_URL are read from the environment: see firmware/src/lib.rs. Build output goes to
# CARGO_TARGET_DIR, or beside the sources.
set -euo pipefail
target=riscv64imac-unknown-none-elf
folder=${CARGO_TARGET_DIR:-$(dirname "$0")/target}
folder=$(mkdir -p "$folder" && cd "$folder" && pwd)
cd "$(dirname "$0")"
image=${1:?which image? See firmware/src/bin}
shift
mkdir -p out
cargo build --quiet --release --package maix-firmware --bin "$image" --target "$target" \
    --target-dir "$folder" ${BUILD_STD:+-Z build-std=core}
# The emulator is built by the compiler of this computer.
env -u RUSTC -u RUSTC_BOOTSTRAP cargo build --quiet --release \
    --manifest-path emulator/Cargo.toml --target-dir "$folder/host"
"$folder/host/release/k210-emulator" "$folder/$target/release/$image" --png "out/$image.png" "$@"
