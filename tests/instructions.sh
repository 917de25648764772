#!/usr/bin/env bash
# instructions.sh PROGRAMS [NAME...]: counts the instructions of fixed small runs under callgrind, and fails where one takes more
# than its budget in instructions.tsv. Counts do not depend on how busy a machine is, so a few per cent show.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v valgrind >/dev/null; then
    echo "left out: valgrind: not installed, so no instruction is counted"
    exit 0
fi
bin=$(cd "$1" && pwd)
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RAYON_NUM_THREADS=1 bin data=$work/data out=$work/out SAGEMAKER_BASE_DIR=$work/opt/ml
mkdir -p "$SAGEMAKER_BASE_DIR/output" "$data"

# Data of all runs. Seeds are fixed, so that the bytes are the same everywhere.
traffic() { "$bin/plumbline-generator" traffic "$data/$1" --bytes 4MB --several 0 --inference-ids 1 --hours 2 --payload "$2" >/dev/null; }
for payload in service csv base64; do traffic "$payload" "$payload"; done
for shape in unlike list pretty; do
    "$bin/plumbline-generator" reshape "$shape" "$data/service/captures" "$data/$shape/captures/2024/05/01/00/$shape.jsonl"
done
traffic gzip service
find "$data/gzip/captures" -type f -exec gzip -n -1 {} +
for format in csv jsonlines; do
    "$bin/plumbline-generator" dataset "$data/rows-$format/rows.$format" --format $format --rows 50000
    "$bin/plumbline-generator" configs "$data/config-$format" --format $format --metrics DPPL,DI,AD
done
"$bin/plumbline-generator" traffic "$data/rows" --rows 25000 --several 0 --hours 2 >/dev/null
"$bin/merge-job" --threads 1 --log-level error --dataset-source "$data/rows/captures" --ground-truth-source "$data/rows/ground-truth" \
    --output-path "$data/merged"

failed=0
while IFS=$'\t' read -r name budget command; do
    case $name in '' | '#'*) continue ;; esac
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
    rm -rf "$out"
    # shellcheck disable=SC2086 # words on purpose
    if ! eval "valgrind --tool=callgrind --callgrind-out-file=/dev/null $command" >"$work/log" 2>&1; then
        tail -n 20 "$work/log"
        echo "instructions.sh: $name failed"
        failed=1
        continue
    fi
    awk -v name="$name" -v budget="$budget" '/Collected *:/ { sum = $NF / 1e6 } END {
        verdict = sum > budget ? "TOO MANY" : sum < 0.8 * budget ? "far fewer: lower the budget" : "ok"
        printf "%-20s %8.1f million of %6.0f  %s\n", name, sum, budget, verdict
        exit verdict == "TOO MANY"
    }' "$work/log" || failed=1
done <tests/instructions.tsv
exit "$failed"
