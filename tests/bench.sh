#!/usr/bin/env bash
# bench.sh PROGRAMS [SECTION...]: speed and peak memory on generated data. Sections: merge bias memory flip
# groups quality predictions shapley; all of them without a name. SCALE=0.01 makes a hundredth of the data, to see that all runs.
# Data lie in scratch/bench while a section runs (4 GB at most).
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(cd "$1" && pwd)
shift
work=$PWD/scratch/bench
export SAGEMAKER_BASE_DIR=$work/opt/ml
scaled() { awk -v amount="$1" -v scale="${SCALE:-1}" 'BEGIN { printf "%.0f", amount * scale }'; }
generate() { "$bin/plumbline-generator" "$@" >"$work/generated"; }

fresh() {
    rm -rf "$work"
    mkdir -p "$work/opt/ml/output"
}

# run PROGRAM ARGUMENTS...: sets seconds, cpu (processor seconds) and peak (MB).
run() {
    rm -rf "$work/out"
    "$bin/plumbline-generator" measure "$@" >"$work/measured" 2>"$work/log" || {
        tail -n 20 "$work/log" >&2
        echo "bench.sh: failed: $*" >&2
        exit 1
    }
    IFS=$'\t' read -r seconds cpu peak <"$work/measured"
}

# fastest PROGRAM ARGUMENTS...: as run, the fastest of three runs, for what takes the system more time than the program.
fastest() {
    local best="" one
    for _ in 1 2 3; do
        run "$@"
        one="$seconds $cpu $peak"
        if [ -z "$best" ] || awk -v a="$seconds" -v b="${best%% *}" 'BEGIN { exit !(a < b) }'; then best=$one; fi
    done
    read -r seconds cpu peak <<<"$best"
}

# row NAME AMOUNT UNIT: a line of the table; AMOUNT per second is the rate.
row() {
    awk -v name="$1" -v amount="$2" -v unit="$3" -v seconds="$seconds" -v cpu="$cpu" -v peak="$peak" 'BEGIN {
        rate = amount / seconds
        shown = rate >= 100000 ? sprintf("%.2f million", rate / 1e6) : sprintf("%.*f", rate < 100 ? 2 : 0, rate)
        printf "  %-44s %8.2f s  %8.2f s cpu  %16s %s  %8.1f MB\n", name, seconds, cpu, shown, unit "/s", peak
    }'
}

# The numbers of one processor; where taskset is missing, of all.
one_processor() { if command -v taskset >/dev/null; then echo "taskset -c 0"; fi; }

size_of() { find "$@" -type f -exec cat {} + | wc -c; }

merge() {
    local bytes
    bytes=$(scaled 1000000000)
    echo "merge-job: $bytes bytes of captures (JSON payloads, numbers of any length, counters as inference ids) with their labels"
    fresh
    generate traffic "$work/traffic" --bytes "$bytes" --several 0 --payload service --inference-ids 1
    local gigabytes
    gigabytes=$(size_of "$work/traffic" | awk '{ print $1 / 1e9 }')
    local merge=("$bin/merge-job" --dataset-source "$work/traffic/captures"
        --ground-truth-source "$work/traffic/ground-truth" --output-path "$work/out")
    # The fastest of three runs each: new pages of memory cost a virtual machine more at some moments than at others.
    # To /dev/null nothing is written, and pieces of 128 kB never leave the processor's cache: the least that reading
    # can cost. The merge writes as much as it reads, so it also stands beside a copy. dd moves every byte, where cp
    # and cat may let the file system share them.
    # shellcheck disable=SC2016 # for the inner shell
    fastest sh -c 'find "$0" -type f -exec dd if={} of=/dev/null bs=128K status=none ";"' "$work/traffic"
    row "reading the same files" "$gigabytes" GB
    # shellcheck disable=SC2016 # for the inner shell
    fastest sh -c 'find "$0" -type f -exec dd if={} bs=128K status=none ";" >"$1"' "$work/traffic" "$work/copy"
    rm "$work/copy"
    row "copying the same files" "$gigabytes" GB
    # shellcheck disable=SC2046 # words on purpose
    fastest $(one_processor) "${merge[@]}" --threads 1
    row "one thread" "$gigabytes" GB
    fastest "${merge[@]}" --threads 2
    row "two threads" "$gigabytes" GB
    # The same records in other shapes, each as one file.
    mkdir "$work/shaped"
    for shape in unlike list pretty; do
        rm -rf "$work/shaped/captures"
        generate reshape "$shape" "$work/traffic/captures" "$work/shaped/captures/2024/05/01/00/$shape.jsonl"
        # shellcheck disable=SC2046 # words on purpose
        run $(one_processor) "$bin/merge-job" --dataset-source "$work/shaped/captures" \
            --ground-truth-source "$work/traffic/ground-truth" --output-path "$work/out" --threads 1
        row "one thread, $(shape_named "$shape")" "$(size_of "$work/shaped/captures" "$work/traffic/ground-truth" | awk '{ print $1 / 1e9 }')" GB
    done
    # Other payloads, a third of the bytes.
    for payload in csv base64 gzip; do
        fresh
        generate traffic "$work/traffic" --bytes "$((bytes / 3))" --several 0 --inference-ids 1 \
            --payload "${payload/gzip/service}"
        gigabytes=$(size_of "$work/traffic" | awk '{ print $1 / 1e9 }')
        if [ "$payload" = gzip ]; then find "$work/traffic/captures" -type f -exec gzip -1 {} +; fi
        for threads in 1 2; do
            run "${merge[@]}" --threads "$threads"
            row "$payload, threads: $threads" "$gigabytes" GB
        done
    done
}

shape_named() {
    case $1 in
    unlike) echo "no line like another" ;;
    list) echo "one list on one line" ;;
    pretty) echo "pretty-printed" ;;
    esac
}

without_flip_test=DPPL,DI,DCA,DCR,RD,SD,DAR,DRR,AD,CDDPL,TE,GE

# bias_of FORMAT ROWS: all metrics but the flip test, predictions in the dataset.
bias_of() {
    fresh
    generate dataset "$work/data/data.$1" --format "$1" --rows "$2"
    generate configs "$work/configs" --format "$1" --metrics "$without_flip_test"
    run "$bin/analyzer-job" --analysis-config "$work/configs/bias-baseline.json" --dataset-source "$work/data" \
        --output-path "$work/out"
    row "$1, $2 rows" "$2" rows
}

bias_of_merged() {
    fresh
    generate traffic "$work/traffic" --rows "$1" --several 1
    generate configs "$work/configs" --format jsonlines --metrics "$without_flip_test"
    "$bin/merge-job" --dataset-source "$work/traffic/captures" --ground-truth-source "$work/traffic/ground-truth" \
        --output-path "$work/merged" 2>"$work/log"
    rm -rf "$work/traffic"
    run "$bin/analyzer-job" --analysis-type MODEL_BIAS --analysis-config "$work/configs/bias-monitor.json" \
        --features-attribute features --inference-attribute approved --dataset-source "$work/merged" \
        --output-path "$work/out"
    row "merged capture, $1 rows" "$1" rows
}

bias() {
    echo "analyzer-job: bias metrics, 14 features, without the flip test"
    local rows
    rows=$(scaled 5000000)
    for format in csv jsonlines parquet; do bias_of "$format" "$rows"; done
    bias_of_merged "$rows"
}

memory() {
    echo "analyzer-job: peak memory by number of rows, without the flip test"
    for rows in 1000000 5000000; do bias_of csv "$(scaled "$rows")"; done
}

flip() {
    local rows
    rows=$(scaled 100000)
    echo "analyzer-job: flip test, $rows rows of 14 columns"
    fresh
    generate dataset "$work/data/data.csv" --rows "$rows"
    generate configs "$work/configs" --metrics FT
    run "$bin/analyzer-job" --analysis-config "$work/configs/bias-baseline.json" --dataset-source "$work/data" \
        --output-path "$work/out"
    row "flip test" "$rows" rows
}

quality() {
    local rows columns=30
    rows=$(scaled 10000000)
    echo "analyzer-job: data quality baseline, $rows rows of $columns columns of CSV"
    fresh
    mkdir -p "$work/data"
    awk -v rows="$rows" -v columns="$columns" 'BEGIN {
        srand(1)
        for (c = 0; c < columns; c++) printf "%sc%d", c ? "," : "", c
        print ""
        for (r = 0; r < rows; r++) {
            for (c = 0; c < columns; c++) {
                x = rand()
                v = c % 3 == 0 ? sprintf("%.4f", x * 100) : c % 3 == 1 ? int(x * 1000) : "group-" int(x * 20)
                printf "%s%s", c ? "," : "", v
            }
            print ""
        }
    }' >"$work/data/data.csv"
    run "$bin/analyzer-job" --analysis-type DATA_QUALITY --dataset-format '{"csv": {"header": true}}' \
        --dataset-source "$work/data" --output-path "$work/out"
    row "data quality" "$rows" rows
}

# Limits of this section: 3 seconds, 150 MB, 2 MB of HTML.
groups() {
    local rows values=3000
    rows=$(scaled 100000)
    echo "analyzer-job: all bias metrics, $rows rows, a facet of $values values"
    fresh
    mkdir -p "$work/data"
    awk -v rows="$rows" -v values="$values" 'BEGIN {
        srand(1)
        print "region,age,income,label,predicted"
        for (r = 0; r < rows; r++) {
            label = rand() < 0.4
            predicted = rand() < 0.8 ? label : !label
            printf "region-%d,%d,%.2f,%d,%d\n", int(rand() * values), 18 + int(rand() * 60), rand() * 1000, label, predicted
        }
    }' >"$work/data/data.csv"
    cat >"$work/config.json" <<'JSON'
{"dataset_type": "text/csv", "label": "label", "predicted_label": "predicted", "label_values_or_threshold": [1],
 "facet": [{"name_or_index": "region"}], "group_variable": "age", "methods": {"pre_training_bias": {"methods": "all"},
 "post_training_bias": {"methods": "all"}, "report": {"name": "report", "title": "Analysis Report"}}}
JSON
    run "$bin/analyzer-job" --analysis-config "$work/config.json" --dataset-source "$work/data" --output-path "$work/out"
    row "$values groups" "$rows" rows
    echo "    report.html: $(size_of "$work/out/report.html") bytes, report.pdf: $(size_of "$work/out/report.pdf") bytes"
}

# with_model MILLISECONDS ARGUMENTS...: the analyzer beside a model that takes so long for each request. Sets
# answered (requests, records and busy time of the model) and own (share of the time without a request in work).
with_model() {
    "$bin/plumbline-model-server" --address 127.0.0.1:0 --latency-ms "$1" >"$work/model" &
    local server=$! url=""
    shift
    while [ -z "$url" ]; do
        sleep 0.1
        url=$(sed -n 's/^listening on //p' "$work/model")
    done
    run "$bin/analyzer-job" --dataset-source "$work/data" --output-path "$work/out" --model-url "$url" "$@"
    kill "$server"
    wait "$server"
    answered=$(tail -n 1 "$work/model")
    own=$(awk -v seconds="$seconds" '{ printf "%.1f %%", 100 * (1 - $6 / seconds) }' <<<"$answered")
}

predictions() {
    local rows
    rows=$(scaled 100000)
    echo "analyzer-job: predictions of $rows rows from a model"
    fresh
    generate dataset "$work/data/data.csv" --rows "$rows" --without-predictions
    generate configs "$work/configs" --metrics "$without_flip_test"
    for latency in 1 10 50; do
        with_model "$latency" --analysis-config "$work/configs/bias-model-baseline.json"
        row "$latency ms per request" "$rows" rows
        echo "    model: $answered; without a request in work: $own"
    done
}

shapley() {
    local rows
    rows=$(scaled 10000)
    echo "analyzer-job: attributions of $rows rows, 14 features, 100 samples"
    fresh
    generate dataset "$work/data/data.csv" --rows "$rows" --without-predictions
    generate configs "$work/configs"
    with_model 10 --analysis-config "$work/configs/explainability-baseline.json"
    row "10 ms per request" "$rows" rows
    echo "    model: $answered; without a request in work: $own"
}

trap 'rm -rf "$work"' EXIT
echo "machine: $(uname -sm), $(getconf _NPROCESSORS_ONLN) processors, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)"
[ $# -gt 0 ] || set -- merge bias memory flip groups quality predictions shapley
for section in "$@"; do
    case $section in
    merge | bias | memory | flip | groups | quality | predictions | shapley) "$section" ;;
    *)
        echo "bench.sh: no section named $section" >&2
        exit 1
        ;;
    esac
done
