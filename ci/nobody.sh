# Running a command as nobody, with no network but loopback. Source after lib.sh.
# shellcheck shell=bash

[[ $(id -u) -eq 0 ]] || not_run 'only root can take away the network and become nobody'
need setpriv 'ci/install.sh system'
need unshare 'ci/install.sh system'
need ip 'ci/install.sh system'

# What is left of root's powers, as setpriv spells it.
caps_of_root() {
    nobody=(setpriv --reuid nobody --regid nogroup --clear-groups --no-new-privs
            --inh-caps="$1" --ambient-caps="$1" --bounding-set="$1")
}

as_nobody() {
    # shellcheck disable=SC2016  # expanded by the inner shell
    HOME=/nonexistent unshare --net bash -c 'ip link set lo up && exec "$@"' - "${nobody[@]}" "$@"
}

# Reading files where directory permissions forbid it, and no more.
caps_of_root -all,+dac_read_search

# Shows that the walls stand before a test leans on them.
[[ $(as_nobody id -un) == nobody ]] || fail 'not nobody'
if as_nobody ip link set lo down 2>/dev/null; then
    fail 'nobody can still configure interfaces'
fi
[[ $(as_nobody ip -o link | wc -l) -eq 1 ]] || fail 'there is more than loopback'
