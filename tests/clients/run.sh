#!/usr/bin/env bash
# run.sh PROGRAMS MERGE_IMAGE ANALYZER_IMAGE MODEL_IMAGE: the unmodified SageMaker SDK, versions 2 and 3 at once, in
# local mode against the images; results are held against those of the programs in the folder PROGRAMS on the same
# rows. Then the examples, as a reader would run them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PROGRAMS=$(cd "$1" && pwd)
export PROGRAMS MERGE_IMAGE=$2 ANALYZER_IMAGE=$3 MODEL_IMAGE=$4
examples=$here/../../examples
# The files test_NAME.py, and the examples, that run.
tests="merge clarify monitors attributions schedules model_quality data_quality pages"
shown="bias_monitor_jsonlines bias_and_explainability_csv"
log=$(mktemp)
other=
trap '[ -z "$other" ] || kill "$other"; rm -f "$log"' EXIT
code=0

# shellcheck disable=SC2207,SC2086 # words on purpose
run_tests=("$MODEL_IMAGE" python "$here/main.py" $(printf 'test_%s. ' $tests))
"$here/local.sh" v3 "${run_tests[@]}" >"$log" 2>&1 &
other=$!
"$here/local.sh" v2 "${run_tests[@]}" || code=1
wait "$other" || code=1
other=
cat "$log"

passed=0
failed=0
for name in $shown; do
    # The last lines of an example are the violations that drifted traffic must have, and the reports.
    if "$examples/run.sh" "$name" >"$log" 2>&1 && grep -q "doesn't meet the baseline constraint" "$log" &&
        grep -q '/report.html$' "$log"; then
        passed=$((passed + 1))
        echo "ok    example $name"
    else
        failed=$((failed + 1))
        code=1
        echo "FAIL  example $name"
        tail -n 40 "$log"
    fi
done
echo "$passed passed, $failed failed"
exit "$code"
