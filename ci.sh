#!/usr/bin/env bash
# Every check of this repository, one job each, the same at a desk and in CI.
#
#   ./ci.sh              the quick set: what CI runs
#   ./ci.sh full         the quick set and the slow jobs
#   ./ci.sh JOB...       these jobs only
#   ./ci.sh list         the jobs and what they check
#
# A job is a file in ci/jobs. It ends with 0 (passed), 77 (not run: something
# is missing on this machine) or anything else (failed). A job that was not run
# is never counted as passed, and where CI=true it counts as failed.
set -euo pipefail
cd "$(dirname "$0")"

QUICK=(fmt hygiene msrv clippy test doc examples linux-peer consumer coverage liars campaign
       esp_at_nal modem_campaign modem_bench smoltcp_bench syscalls features)
# Quick, too, and at the same time: each of these builds into a directory of its own.
BESIDE=(cross boards qemu portable package fuzz)
SLOW=(features-all portable-all docsrs asan adapters bench modem_bench_all smoltcp_tap footprint deny fresh
       migration programs servers k210 boards_clippy)
JOB_LIMIT=${JOB_LIMIT:-1500}  # seconds; a hanging job must not hide the others
NOT_RUN=77

main() {
    case "${1:-quick}" in
        list) list; return ;;
        quick) beside "${BESIDE[@]}"; run "${QUICK[@]}" ;;
        full) beside "${BESIDE[@]}"; run "${QUICK[@]}" "${SLOW[@]}" ;;
        *) run "$@" ;;
    esac
    summary
}

list() {
    local job set
    for job in "${QUICK[@]}" "${BESIDE[@]}" "${SLOW[@]}"; do
        set=full
        [[ " ${QUICK[*]} ${BESIDE[*]} " == *" $job "* ]] && set=quick
        printf '%-13s %-6s %s\n' "$job" "$set" "$(description "$job")"
    done
}

# The second line of a job's file says what it checks.
description() { sed -n '2s/^# //p' "ci/jobs/$1"; }

passed=0 failed=0 skipped=0 table='' lane=''

# Runs jobs in another process while this one goes on. What they say is shown at the end.
beside() {
    said=$(mktemp)
    trap end_lane EXIT
    # Behind the others: there are tests among those that run in real time.
    nice -n 5 bash ci.sh "$@" >"$said" 2>&1 </dev/null &
    lane=$!
}

# Waits for those jobs, and adds them to ours.
join_lane() {
    [[ -n $lane ]] || return 0
    local rows
    wait "$lane" || true
    lane=
    sed '/^== summary/,$d' "$said"
    rows=$(sed -n '/^== summary/,/^jobs: /{/ min  /p}' "$said")
    [[ $(wc -l <<<"$rows") -eq ${#BESIDE[@]} ]] || rows+=$'\nthe jobs beside these: FAILED'
    passed=$((passed + $(grep -c ' passed$' <<<"$rows" || true)))
    failed=$((failed + $(grep -c ' FAILED' <<<"$rows" || true)))
    skipped=$((skipped + $(grep -c ' not run$' <<<"$rows" || true)))
    table+=$rows$'\n'
}

# Interrupted: each job is a process group of its own, led by `timeout`.
end_lane() {
    local job
    if [[ -n $lane ]]; then
        kill "$lane" 2>/dev/null || true
        for job in $(ps -o pid= --ppid "$lane"); do
            kill -- "-$job" 2>/dev/null || true
        done
    fi
    rm -f "$said"
}

run() {
    local job
    for job in "$@"; do
        [[ -f ci/jobs/$job ]] || { echo "ci.sh: no job '$job' (see ./ci.sh list)" >&2; exit 2; }
    done
    foreground=()   # at a terminal, so that Ctrl-C reaches the job
    [[ -t 0 ]] && foreground=(--foreground)
    for job in "$@"; do
        run_one "$job"
    done
}

summary() {
    join_lane
    printf '\n== summary\n%s' "$table"
    printf 'jobs: %d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [[ $failed -eq 0 ]]
}

run_one() {
    local job=$1 status=0 began=$SECONDS verdict
    printf '\n== %s: %s\n' "$job" "$(description "$job")"
    timeout "${foreground[@]}" "$JOB_LIMIT" bash "ci/jobs/$job" || status=$?
    case $status in
        0) verdict=passed ;;
        124) verdict="FAILED (over $JOB_LIMIT s)" ;;
        "$NOT_RUN") verdict='not run' ;;
        *) verdict=FAILED ;;
    esac
    [[ $verdict == 'not run' && ${CI:-} == true ]] && verdict='FAILED (not run)'
    case $verdict in
        passed) passed=$((passed + 1)) ;;
        'not run') skipped=$((skipped + 1)) ;;
        *) failed=$((failed + 1)) ;;
    esac
    table+=$(printf '%-13s %7s min  %s' "$job" "$(minutes $((SECONDS - began)))" "$verdict")$'\n'
    echo "-- $job: $verdict"
}

minutes() { printf '%d.%d' $(($1 / 60)) $(($1 % 60 / 6)); }

main "$@"
