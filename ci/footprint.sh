# Shared by the jobs that measure images: rows of sizes, their budgets, the table in the docs.
# Sourced after lib.sh.
#
# A budget is what a row may need, in ci/footprint.budget: group, name, flash, static RAM, stack.
# It is a little above what there was when it was written, so that growth is seen. It is raised by
# hand, with a reason in the commit; FOOTPRINT_WRITE=1 only lowers it, and adds new rows.
# shellcheck shell=bash disable=SC2034

budget_file=ci/footprint.budget
footprint_doc=docs/footprint.md
# Group, name, .text, .rodata, .data, .bss, stack; with tabs between.
footprint_rows=()

# sections FILE: the sizes of an image's sections, in $text, $rodata, $data and $bss
sections() {
    local table
    table=$(readelf --sections --wide "$1" | sed 's/^ *\[ *[0-9]*\] *//')
    text=$(($(section .text) + $(section .vector_table)))
    rodata=$(section .rodata) data=$(section .data) bss=$(section .bss)
    [[ $text -gt 0 ]] || fail "no code in $1"
    flash=$((text + rodata + data)) ram=$((data + bss))
}

# section NAME: its size, from $table; 0 without it. As text: 00e550 is a number to awk, 0.
section() {
    echo $((16#$(awk -v name="$1" '$1 == name { size = $5 } END { print size == "" ? 0 : size "" }' <<<"$table")))
}

# image_row GROUP NAME FILE [STACK]: measures an image; the stack where a run has shown it
image_row() {
    sections "$3"
    footprint_rows+=("$(printf '%s\t' "$1" "$2" "$text" "$rodata" "$data" "$bss")${4:--}")
}

# print_rows: as a table on the terminal
print_rows() {
    printf '\n%-52s %7s %7s %5s %7s %6s  %7s %7s\n' \
        bytes .text .rodata .data .bss stack flash RAM
    printf '%s\n' "${footprint_rows[@]}" | awk -F '\t' '{
        printf "%-52s %7d %7d %5d %7d %6s  %7d %7d\n", $1 ": " $2, $3, $4, $5, $6, $7,
            $3 + $4 + $5, $5 + $6 + ($7 == "-" ? 0 : $7)
    }'
    echo
}

# check_budgets all|these: fails where a row needs more than its budget, or has none; with `all`
# also where a budget has no row
check_budgets() {
    printf '%s\n' "${footprint_rows[@]}" | awk -F '\t' -v which="$1" '
        FNR == NR { if (!/^#/) { flash[$1 "\t" $2] = $3; ram[$1 "\t" $2] = $4; stack[$1 "\t" $2] = $5 } next }
        function at_most(what, size, limit) {
            if (size == "-" || (limit != "-" && size + 0 <= limit + 0)) return
            printf "over budget: %s: %s: %s %s of %s\n", $1, $2, what, size, limit
            bad = 1
        }
        {
            row = $1 "\t" $2
            seen[row] = 1
            if (!(row in flash)) { printf "no budget: %s: %s\n", $1, $2; bad = 1; next }
            at_most("flash", $3 + $4 + $5, flash[row])
            at_most("static RAM", $5 + $6, ram[row])
            at_most("stack", $7, stack[row])
        }
        END {
            for (row in flash) if (which == "all" && !(row in seen)) { print "not measured: " row; bad = 1 }
            exit bad
        }' "$budget_file" - >&2 || fail "see ci/footprint.sh: budgets are in $budget_file"
}

# write_budgets: lowers them to a per cent above what there is, and adds new ones
write_budgets() {
    local written
    written=$(printf '%s\n' "${footprint_rows[@]}" | awk -F '\t' -v OFS='\t' '
        function room(size) { return size == "-" ? "-" : int(size * 1.01 / 16 + 1) * 16 }
        function lower(old, new) { return old == "" || old == "-" || (new != "-" && new < old + 0) ? new : old }
        FNR == NR { if (/^#/) print; else { f[$1 $2] = $3; r[$1 $2] = $4; s[$1 $2] = $5 } next }
        {
            print $1, $2, lower(f[$1 $2], room($3 + $4 + $5)), lower(r[$1 $2], room($5 + $6)),
                lower(s[$1 $2], room($7))
        }' "$budget_file" -)
    printf '%s\n' "$written" >"$budget_file"
}

# write_doc: puts standard input between the marks of the document
write_doc() {
    local new
    new=$(sed '/^<!-- generated/q' "$footprint_doc"; cat; sed -n '/^<!-- end/,$p' "$footprint_doc")
    printf '%s\n' "$new" >"$footprint_doc"
}

# markdown GROUP TITLE: the rows of a group as a table
markdown() {
    printf '\n### %s\n\n%s\n%s\n' "$2" '| | .text | .rodata | .data | .bss | stack | flash | RAM |' \
        '|---|---:|---:|---:|---:|---:|---:|---:|'
    printf '%s\n' "${footprint_rows[@]}" | awk -F '\t' -v group="$1" '$1 == group {
        printf "| %s | %d | %d | %d | %d | %s | %d | %d |\n", $2, $3, $4, $5, $6, $7,
            $3 + $4 + $5, $5 + $6 + ($7 == "-" ? 0 : $7)
    }'
}
