#!/usr/bin/env bash
# demo.sh PROGRAMS [FOLDER]: the whole way on generated traffic of a small credit model, without AWS:
# a bias baseline, the merge of captured requests with their labels, the bias monitor, attributions and
# their drift, data quality, and all monitors in one run. Everything stays in FOLDER (scratch/demo) to look at.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(cd "$1" && pwd)
mkdir -p "${2:-scratch/demo}"
work=$(cd "${2:-scratch/demo}" && pwd)
rm -rf "${work:?}"/*
# Stands for /opt/ml: the jobs leave their exit message there.
export SAGEMAKER_BASE_DIR=$work/opt/ml

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# job NAME PROGRAM ARGUMENTS...: runs a job as SageMaker would, with its log in a file, and shows its exit message.
job() {
    local log=$work/logs/${1//\//-}.log
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        exit 1
    }
    cat "$SAGEMAKER_BASE_DIR/output/message"
    echo
}

# What the analyzer judged, as a table: its violations file has a key per line.
show_violations() {
    [ -e "$1" ] || {
        echo "demo.sh: the drift was not found, there is no $1" >&2
        exit 1
    }
    awk -F'"' '
        function shown(number) { return number ~ /Infinity/ ? number : sprintf("%.4f", number) }
        $2 == "facet" || $2 == "label" { subject = $4 }
        $2 == "facet_value" { subject = subject " = " $4 }
        $2 == "metric_name" { metric = $4 }
        $2 == "description" {
            count = split($4, words, " ")
            now = ""
            for (i = 1; i <= count; i++)
                if (words[i] ~ /^-?([0-9.]+(e-?[0-9]+)?|Infinity)$/) {
                    if (now == "") now = words[i]; else limit = words[i]
                }
            printf "  %-14s %-6s now %9s   baseline or limit %9s\n", subject, metric, shown(now), shown(limit)
        }' "$1"
}

# The counts of the merge that are not zero.
show_summary() { sed -n 's/^  "\([a-z_]*\)": \([1-9][0-9]*\),\{0,1\}$/  \1: \2/p' "$1"; }

# The attributions of an analysis.json, highest first.
show_attributions() {
    sed -n '/"global_shap_values"/,/}/p' "$1" | sed -n 's/^ *"\(.*\)": \([0-9.e-]*\),\{0,1\}$/\2 \1/p' |
        sort -gr | head -n 5 | awk '{ printf "  %d. %-18s %.4f\n", NR, $2, $1 }'
}

mkdir -p "$work/logs" "$SAGEMAKER_BASE_DIR/output"
"$bin/plumbline-model-server" --address 127.0.0.1:0 >"$work/logs/model-server.log" &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT

step "Data: a training set, and a drifted day of requests with labels that come hours later"
"$bin/plumbline-generator" dataset "$work/training/train.csv" --rows 20000 --without-predictions
"$bin/plumbline-generator" traffic "$work/traffic" --rows 12000 --drift 1 >"$work/logs/traffic.json"
"$bin/plumbline-generator" configs "$work/configs/training" --format csv
"$bin/plumbline-generator" configs "$work/configs/traffic" --format jsonlines
"$bin/plumbline-generator" dataset "$work/training-sample/train.csv" --rows 1000 --without-predictions
url=$(sed -n 's/^listening on //p' "$work/logs/model-server.log")
echo "  $(wc -l <"$work/training/train.csv") lines of training data, a model at $url"

step "Bias baseline: the training set, with predictions from the model"
job bias-baseline "$bin/analyzer-job" --analysis-config "$work/configs/training/bias-model-baseline.json" \
    --dataset-source "$work/training" --output-path "$work/bias-baseline" --model-url "$url"

step "Merge: captured requests with their labels"
job merge "$bin/merge-job" --dataset-source "$work/traffic/captures" \
    --ground-truth-source "$work/traffic/ground-truth" --output-path "$work/merged"
show_summary "$SAGEMAKER_BASE_DIR/output/merge_summary.json"

step "Bias monitor: the merged traffic against the baseline"
job bias-monitor "$bin/analyzer-job" --analysis-type MODEL_BIAS \
    --analysis-config "$work/configs/traffic/bias-monitor.json" --dataset-source "$work/merged" \
    --features-attribute features --inference-attribute approved \
    --baseline-constraints "$work/bias-baseline/analysis.json" --output-path "$work/bias-monitor"
show_violations "$work/bias-monitor/constraint_violations.json"

step "Model quality: a baseline with predictions, then the merged traffic against it"
"$bin/plumbline-generator" dataset "$work/training-predicted/train.csv" --rows 20000
job model-quality-baseline "$bin/analyzer-job" --analysis-type MODEL_QUALITY --problem-type BinaryClassification \
    --dataset-source "$work/training-predicted" --dataset-format '{"csv": {"header": true}}' \
    --inference-attribute approved --probability-attribute score --ground-truth-attribute repaid \
    --output-path "$work/model-quality-baseline"
job model-quality-monitor "$bin/analyzer-job" --analysis-type MODEL_QUALITY --problem-type BinaryClassification \
    --dataset-source "$work/merged" --dataset-format '{"sagemakerMergeJson": {}}' \
    --inference-attribute approved --probability-attribute score --ground-truth-attribute repaid \
    --baseline-constraints "$work/model-quality-baseline/constraints.json" --output-path "$work/model-quality-monitor"
sed -n 's/^ *"description" : "\(.*\)",\{0,1\}$/  \1/p' "$work/model-quality-monitor/constraint_violations.json"

step "Attributions: 1,000 rows of the training set"
job attributions-baseline "$bin/analyzer-job" \
    --analysis-config "$work/configs/training/explainability-baseline.json" \
    --dataset-source "$work/training-sample" --output-path "$work/attributions-baseline" --model-url "$url"
show_attributions "$work/attributions-baseline/analysis.json"

step "Attribution drift: the captured requests of one hour"
job attributions-monitor "$bin/analyzer-job" --analysis-type MODEL_EXPLAINABILITY \
    --analysis-config "$work/configs/traffic/explainability-monitor.json" \
    --dataset-source "$work/traffic/captures/credit-endpoint/AllTraffic/2024/05/01/00" \
    --features-attribute features --inference-attribute score \
    --baseline-constraints "$work/attributions-baseline/analysis.json" \
    --output-path "$work/attributions-monitor" --model-url "$url"
show_attributions "$work/attributions-monitor/analysis.json"
show_violations "$work/attributions-monitor/constraint_violations.json"

step "Data quality: the captured requests of a quiet day as baseline, those of the drifted one against it"
"$bin/plumbline-generator" traffic "$work/quiet" --rows 12000 --seed 2 --payload csv >"$work/logs/quiet.json"
"$bin/plumbline-generator" traffic "$work/moved" --rows 12000 --drift 1 --payload csv >"$work/logs/moved.json"
job data-quality-baseline "$bin/analyzer-job" --analysis-type DATA_QUALITY --dataset-format '{"sagemakerCaptureJson": {}}' \
    --dataset-source "$work/quiet/captures" --output-path "$work/data-quality-baseline"
job data-quality-monitor "$bin/analyzer-job" --analysis-type DATA_QUALITY --dataset-format '{"sagemakerCaptureJson": {}}' \
    --dataset-source "$work/moved/captures" --baseline-constraints "$work/data-quality-baseline" \
    --baseline-statistics "$work/data-quality-baseline" --drift-rule weighted --output-path "$work/data-quality-monitor"
sed -n 's/^ *"description" : "\(.*\)"$/  \1/p' "$work/data-quality-monitor/constraint_violations.json" | head -n 5

step "All four monitors in one run: a quiet day as baseline, the merged traffic against it, each alone and then all"
all=DATA_QUALITY,MODEL_QUALITY,MODEL_BIAS,MODEL_EXPLAINABILITY
for name in bias explainability; do
    mkdir -p "$work/configs/monitors/model-$name"
    cp "$work/configs/traffic/$name-monitor.json" "$work/configs/monitors/model-$name/analysis_config.json"
done
# monitors NAME TYPES ARGUMENTS...: as job, and says how long it took.
monitors() {
    local name=$1 types=$2 started=$EPOCHREALTIME
    shift 2
    job "$name" "$bin/analyzer-job" --analysis-type "$types" --analysis-config "$config" \
        --problem-type BinaryClassification --dataset-format '{"sagemakerMergeJson": {}}' --model-url "$url" \
        --features-attribute features --inference-attribute approved --probability-attribute score \
        --ground-truth-attribute repaid --output-path "$work/$name" "$@"
    took=$(awk -v from="$started" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }')
    echo "  $took s"
}
"$bin/plumbline-generator" traffic "$work/quiet-day" --rows 12000 --seed 2 >"$work/logs/quiet-day.json"
job quiet-merge "$bin/merge-job" --dataset-source "$work/quiet-day/captures" \
    --ground-truth-source "$work/quiet-day/ground-truth" --output-path "$work/quiet-merged"
config=$work/configs/monitors
monitors all-baseline "$all" --dataset-source "$work/quiet-merged"
single=
for type in ${all//,/ }; do
    folder=$(tr 'A-Z_' 'a-z-' <<<"$type")
    # A run of one monitor takes its configuration, and the baseline of its own setting.
    config=$work/configs/monitors/$folder
    [ -d "$config" ] || config=$work/configs/monitors
    monitors "alone/$folder" "$type" --dataset-source "$work/merged" "--$folder-baseline" "$work/all-baseline/$folder"
    single+=" $took"
done
config=$work/configs/monitors
monitors all-monitors "$all" --dataset-source "$work/merged" --baseline-constraints "$work/all-baseline"
for folder in "$work"/alone/*; do
    diff -r "$folder" "$work/all-monitors/${folder##*/}" || {
        echo "demo.sh: ${folder##*/} alone is not what it is among the others" >&2
        exit 1
    }
done
awk -v all="$took" -v single="$single" 'BEGIN {
    count = split(single, each, " ")
    for (i = 1; i <= count; i++) sum += each[i]
    printf "  four runs%s: %.1f s; one run: %.1f s\n", single, sum, all
}'

step "To look at"
cat <<END
  $work/data-quality-monitor/report.html   which columns moved, and how
  $work/bias-monitor/report.html           which bias metrics moved, for whom, how sure
  $work/model-quality-monitor/report.html  how good the predictions are, and how sure that is
  $work/attributions-monitor/report.html   which features the model used, then and now
  $work/all-monitors/report.html           all monitors, one verdict
  $work/merged                             merged records, a folder per hour
  $SAGEMAKER_BASE_DIR/output/merge_summary.json   the counts of the merge
  $work/logs                               the logs of the jobs
END
