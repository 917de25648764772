#!/usr/bin/env bash
# constants.sh [NAME...]: measures the constants of the estimator (docs/estimator.md, section 6), all of them without a name.
# Each is set to the values beside its own, one after the other, in a copy of the sources, and `shapley` is run: relative
# error, ratio of told and true standard error, and milliseconds of a row, as geometric means over the bench's lines, and the
# peak memory of the bench. The first line of each constant is the source as it is.
# A value takes some minutes. Needs git; the copy and its target lie in scratch/constants and are removed at the end.
set -euo pipefail
cd "$(dirname "$0")/../.."
copy=$PWD/scratch/constants
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$copy/target}

# NAME, file below analyzer-job/src/shap, the models of the bench that it matters for (none: all), and values, parted by `|`.
constants() {
    cat <<'LIST'
COMMON gaussian.rs||[0.05, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75]|[0.02, 0.02, 0.1, 0.1, 0.3, 0.3, 0.6, 0.6]|[0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.9]
LARGEST gaussian.rs||[0.1, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85]|[0.04, 0.04, 0.25, 0.25, 0.55, 0.55, 0.85]
POWERS gaussian.rs||[0.5, 0.5]|[1.0, 1.0]|[0.5, 2.0]
ROUNDS gaussian.rs||1|2|5
FLOOR gaussian.rs||0.0|0.005|0.1
MAIN_EFFECTS gaussian.rs||[0.0, 0.0, 0.0]|[10.0, 10.0, 10.0]|[0.0, 1.0, 100.0]
WINDOW gaussian.rs||4.0|8.0|32.0
CAREFUL gaussian.rs||1.0|0.5|0.125
CANDIDATES choice.rs||2|20
MOST_CANDIDATES choice.rs|s15|300|2000
RELEVANCES choice.rs||0.25|4.0
MAIN choice.rs||0.2|5.0|30.0
NOISE choice.rs||1e-9|1e-3
EQUAL choice.rs||1e-12|1e-6
JITTER process.rs||1e-13|1e-7|1e-5
GAUSSIAN_PAIRS design.rs|s15|100|600
SHARED_PAIRS design.rs|s15|300|4_000
PART_PAIRS shared_gaussian.rs|s15|100|500
ROTATION design.rs||1|4|64
FEW_TURNS design.rs||1|16
SMALL_BUDGET design.rs||50|1000
KEPT_BYTES designs.rs||1 << 20|256 << 20
KEPT_BESIDE_LARGE designs.rs|s15|1 << 20|64 << 20
LARGE designs.rs|s15|64 << 10|64 << 20
MOST_AHEAD designs.rs|s15|1|64
EXACT_SHARE solver.rs||1e-14|1e-6
RANK_TOLERANCE least_squares.rs||1e-13|1e-5
CLEAR least_squares.rs||1e-9|1e-3
LIST
}

# measured NAME VALUE MODELS...: a line for the source in the copy.
measured() {
    local name=$1 value=$2 output
    shift 2
    output=$(cd "$copy" && cargo bench --locked -q -p analyzer-job --bench shapley -- "$@" 2>"$copy/log") || {
        tail -n 20 "$copy/log" >&2
        exit 1
    }
    awk -v name="$name" -v value="$value" 'NF >= 9 && $(NF - 1) != "estimator" {
        # The estimator has blanks in its name: count from the front, behind the name of the model and its players.
        for (at = 1; at <= NF && $at !~ /^[0-9]+$/; at++);
        if ($(at + 2) + 0 > 1e-20) { error += log($(at + 2)); lines++ }
        if ($(at + 6) + 0 > 0) { ratio += log($(at + 6)); ratios++ }
        if ($(at + 7) + 0 > 0) { time += log($(at + 7)); times++ }
    } END {
        printf "%-16s %-52s error %.3e  SE/error %.2f  %.2f ms a row\n", name, value,
            lines ? exp(error / lines) : 0, ratios ? exp(ratio / ratios) : 0, times ? exp(time / times) : 0
    }' <<<"$output"
}

trap 'git worktree remove --force "$copy" 2>/dev/null || rm -rf "$copy"' EXIT
rm -rf "$copy"
git worktree prune
git worktree add -q --detach "$copy" HEAD
while IFS='|' read -r place models values; do
    read -r name file <<<"$place"
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
    source=$copy/analyzer-job/src/shap/$file
    line=$(grep -n "^\(pub(super) \)\?const $name: " "$source" | cut -d: -f1)
    if [ -z "$line" ]; then
        echo "constants.sh: no constant $name in $file" >&2
        exit 1
    fi
    # shellcheck disable=SC2086 # models are words
    measured "$name" "as it is" $models
    IFS='|' read -r -a tried <<<"$values"
    for value in "${tried[@]}"; do
        sed -i "${line}s#= .*;#= $value;#" "$source"
        # shellcheck disable=SC2086 # as above
        measured "$name" "$value" $models
    done
    git -C "$copy" checkout -q .
done < <(constants)
