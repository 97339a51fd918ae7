#!/usr/bin/env bash
# Builds the images that the emulator's tests run, into a folder: images.sh FOLDER [SET]
#
# SET is `images`, or `small` for those that are as small as they can be; without it both.
#
# For those who have rustup: rustup target add riscv64imac-unknown-none-elf. Where RUSTC is a
# compiler that has only the sources of the core library, pass BUILD_STD=1.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
target=riscv64imac-unknown-none-elf
cd "$(dirname "$0")"

# build SUFFIX CARGO-OPTION... : the images named by --bin, copied with that suffix
build() {
    local suffix=$1 option
    shift
    cargo build --quiet --message-format=short --release --package maix-firmware --target "$target" \
        --target-dir "$folder/build" ${BUILD_STD:+-Z build-std=core} "$@"
    for option in "$@"; do
        [[ $option == --bin=* ]] || continue
        cp "$folder/build/$target/release/${option#--bin=}" "$folder/${option#--bin=}$suffix"
    done
}

images() {
    build '' --bin={download_picture,send_picture,echo_server,wifi_scan,fetch,streams,uart_rate}
    build '' --features tasks --bin=tasks
    build '' --features conformance --bin=conformance
    MODEM_BAUD=921600 build -921600 --bin={download_picture,streams}
    MODEM_BAUD=921600 build -921600 --features tasks --bin=tasks
}

# Two sockets of 1024 bytes, TCP clients and names only; a ring of 1024, and of 512 for what is
# to need as little RAM as it can.
small() (
    export UART_RING=1024 SOCKET_BYTES=1024 CARGO_PROFILE_RELEASE_OPT_LEVEL=z
    build -small --no-default-features --features stats --bin=download_picture
    export UART_RING=512
    build -small --no-default-features --bin=fetch
    SOCKETS=1 build -small-1 --no-default-features --bin=fetch
)

case ${2:-} in
    '') images; small ;;
    images | small) "$2" ;;
    *) echo "images.sh: no set '$2'" >&2; exit 2 ;;
esac
