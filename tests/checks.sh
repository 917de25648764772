#!/usr/bin/env bash
# checks.sh: read by scripts that make many checks and go on after a failure. `work` is their scratch folder.
passed=0
failed=0

# check NAME COMMAND...: one line per check.
check() {
    local title=$1
    shift
    # shellcheck disable=SC2154 # set by the script that reads this
    if "$@" >"$work/check.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok    $title"
    else
        failed=$((failed + 1))
        echo "FAIL  $title"
        sed 's/^/      /' "$work/check.log" | tail -n 15
    fi
}

# counted: says how many passed; fails if one did not.
counted() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}
