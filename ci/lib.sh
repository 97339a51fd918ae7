# Shared by the jobs in ci/jobs: source it, then do the work. The working
# directory is the repository's root.
# shellcheck shell=bash
set -euo pipefail

# Packages that build without an operating system and without an allocator.
# shellcheck disable=SC2034  # read by the jobs
NO_STD=(usocket-core usocket usocket-conformance usocket-example-apps usocket-backend-esp8285-at
    usocket-backend-nal usocket-backend-smoltcp)
# What these packages may not have switched on for that.
# shellcheck disable=SC2034
OS_FEATURES=std

# Packages that are tested with all their features too; in one list, so that the jobs that
# do it share what they build.
# shellcheck disable=SC2034
with_features=(--package usocket-core --package usocket
    --package usocket-backend-std --package usocket-backend-smoltcp
    --package usocket-backend-esp8285-at --package esp8285-sim)

target_dir=${CARGO_TARGET_DIR:-target}

# Prints a command, then runs it.
step() {
    echo "+ $*"
    "$@"
}

# Ends the job as failed.
fail() {
    echo "failed: $*" >&2
    exit 1
}

# Ends the job as not run.
not_run() {
    echo "not run: $*" >&2
    exit 77
}

# need COMMAND HOW-TO-GET-IT
need() {
    command -v "$1" >/dev/null || not_run "$1 is missing: $2"
}

# The names of the workspace's packages.
members() {
    cargo tree --quiet --workspace --depth 0 --prefix none --edges normal \
        | sed -n 's/ v[0-9].*//p' | sort -u
}

# Ends the job as failed where the workspace lacks a package. A check that has
# nothing to run on yet is not a check that passed.
need_member() {
    members | grep -qx "$1" || fail "not there yet: no package $1"
}

# Puts Debian's compiler in charge. It comes with the sources of the standard
# library, so that cargo can build core or std for any target; see cross.
debian_rustc() {
    [[ -x /usr/bin/rustc && -d /usr/lib/rustlib/src/rust/library ]] \
        || not_run "Debian's compiler is missing: ci/install.sh cross"
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    local lld
    lld=$(command -v lld-22 rust-lld | head -n 1) || not_run "lld is missing: ci/install.sh cross"
    mkdir -p "$target_dir/ci-bin"
    ln -sf "$lld" "$target_dir/ci-bin/rust-lld"
    PATH=$(cd "$target_dir/ci-bin" && pwd):$PATH
    step "$RUSTC" --version
}

# targets T... -> --target T for each, in $target_args
targets() {
    target_args=()
    local target
    for target in "$@"; do
        target_args+=(--target "$target")
    done
}
