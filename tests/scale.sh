#!/usr/bin/env bash
# scale.sh PROGRAMS: what folding and combining cost beside one process, on the same generated merged records: one process, two
# processes that fold half of the files each and one that combines, and Spark in local-cluster with two executors. Then the
# same on a few records, which is what each costs to start, and by arithmetic the size from which several machines pay.
# SCALE=0.01 takes 50 MB in place of 5 GB. Results must be the same bytes each time. Data lie in scratch/scale (twice the size).
# PREPARE_ONLY=1 makes the data and the Python environment, and measures nothing: the next call takes what is there.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(cd "$1" && pwd)
root=$PWD
work=$PWD/scratch/scale
settings=(--analysis-type MODEL_BIAS --features-attribute features --inference-attribute approved
    --analysis-config "$work/configs/analysis_config.json" --log-level error)
without_flip_test=DPPL,DI,DCA,DCR,RD,SD,DAR,DRR,AD,CDDPL,TE,GE
export SAGEMAKER_BASE_DIR=$work/opt/ml
mkdir -p "$work"/opt/{ml,0,1}/output

# merged NAME BYTES: about so many bytes of merged records in $data, in files of 20,000 records or fewer, so that they can be
# divided; sets `bytes`. Made once.
merged() {
    data=$work/$1-$2
    if [ -s "$data.bytes" ]; then
        bytes=$(cat "$data.bytes")
        return
    fi
    rm -rf "$work/traffic" "$data" "$work/configs"
    "$bin/plumbline-generator" configs "$work/configs" --format jsonlines --metrics "$without_flip_test" >/dev/null
    mv "$work/configs/bias-monitor.json" "$work/configs/analysis_config.json"
    "$bin/plumbline-generator" traffic "$work/traffic" --bytes "$2" --several 0 --hours 24 >/dev/null
    "$bin/merge-job" --log-level error --dataset-source "$work/traffic/captures" \
        --ground-truth-source "$work/traffic/ground-truth" --output-path "$data" >/dev/null
    rm -rf "$work/traffic"
    bytes=$(find "$data" -type f -exec cat {} + | wc -c)
    echo "$bytes" >"$data.bytes"
}

one_process() { "$bin/analyzer-job" "${settings[@]}" --dataset-source "$data" --output-path "$1" >/dev/null; }

# Every second file to either process, each on a processor of its own.
two_processes() {
    local part
    rm -rf "$work/states"
    mkdir -p "$work/states"
    (cd "$data" && find . -type f -printf '%P\n' | sort) >"$work/files"
    local folds=()
    for part in 0 1; do
        awk -v part="$part" 'NR % 2 == part' "$work/files" >"$work/files.$part"
        SAGEMAKER_BASE_DIR=$work/opt/$part pinned "$part" "$bin/analyzer-job" fold "${settings[@]}" --dataset-source "$data" \
            --files "$work/files.$part" --out "$work/states/$part.state" --parts 0,1 >/dev/null &
        folds+=($!)
    done
    for part in "${folds[@]}"; do wait "$part"; done
    "$bin/analyzer-job" combine "${settings[@]}" "$work/states" --output-path "$1" >/dev/null
}

# pinned NUMBER COMMAND...: on that processor, where it can be chosen.
pinned() {
    local processor=$1
    shift
    if command -v taskset >/dev/null; then taskset -c "$processor" "$@"; else "$@"; fi
}

on_spark() {
    PROGRAMS=$bin DATA=$data OUT=$1 CONFIG=$work/configs/analysis_config.json TIMES=$work/spark.tsv "$python" "$root/tests/spark/scale.py"
}

# seconds COMMAND...: sets `took`, and checks that the results are those of the first way.
seconds() {
    rm -rf "$work/out"
    mkdir -p "$work/out"
    local began
    began=$(date +%s.%N)
    "$1" "$work/out"
    took=$(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN { printf "%.2f", b - a }')
    if [ -d "$work/expected" ]; then
        diff -rq "$work/expected" "$work/out" || { echo "scale.sh: $1 gave other results" >&2; exit 1; }
    else
        cp -r "$work/out" "$work/expected"
    fi
}

python=
if java -version >/dev/null 2>&1 && PREPARE_ONLY=1 tests/spark/run.sh "$bin" >"$work/prepared" && [ -s "$work/prepared" ]; then
    python=$(tail -n 1 "$work/prepared")
    export PYTHONPATH=$root/python PYSPARK_PYTHON=$python PYSPARK_DRIVER_PYTHON=$python
    [ -x "$python" ] || python=
fi
[ -n "$python" ] || echo "left out: spark: no Java, or PySpark cannot be installed"

# table NAME BYTES RUNS: a row for each way, its fastest run; keeps the seconds of the ways.
table() {
    merged "$1" "$2"
    rm -rf "$work/expected"
    echo "$1: $(awk -v bytes="$bytes" 'BEGIN { printf "%.3f", bytes / 1e9 }') GB of merged records in $(find "$data" -type f | wc -l) files"
    local way best
    for way in one_process two_processes ${python:+on_spark}; do
        best=
        for _ in $(seq "$3"); do
            seconds "$way"
            if [ -z "$best" ] || awk -v a="$took" -v b="$best" 'BEGIN { exit !(a < b) }'; then
                best=$took
                if [ "$way" = on_spark ]; then cp "$work/spark.tsv" "$work/spark.best"; fi
            fi
        done
        took=$best
        printf '  %-16s %8.2f s\n' "$way" "$took"
        printf '%s\t%s\t%s\t%s\n' "$1" "$way" "$bytes" "$took" >>"$work/times.tsv"
        if [ "$way" = on_spark ]; then sed 's/^/    of these: /' "$work/spark.best"; fi
    done
}

all=$(awk -v scale="${SCALE:-1}" 'BEGIN { printf "%.0f", 5e9 * scale }')
if [ -n "${PREPARE_ONLY:-}" ]; then
    merged start 100000
    merged all "$all"
    exit 0
fi
rm -f "$work/times.tsv"
echo "$(nproc) processors; load before: $(cut -d' ' -f1 /proc/loadavg)"
table start 100000 3
table all "$all" 1
# By arithmetic: a way takes its start and then n machines share the rest. One process used all processors here, as it does on
# an instance, so its rate is that of a machine. It pays from the size B at which
# start + B / (n * rate) of the way is as long as that of one process, B / rate + its own start.
awk -F '\t' '{ took[$1, $2] = $4; bytes[$1] = $3 } END {
    rate = (bytes["all"] - bytes["start"]) / (took["all", "one_process"] - took["start", "one_process"])
    if (took["all", "one_process"] < 2 * took["start", "one_process"]) {
        print "too little data to say from which size on several machines pay"
        exit
    }
    printf "one process: %.2f GB/s after its start\n", rate / 1e9
    split("two_processes on_spark", ways, " ")
    for (w = 1; w in ways; w++) {
        if (!(("start", ways[w]) in took)) continue
        more = took["start", ways[w]] - took["start", "one_process"]
        for (n = 2; n <= 8; n *= 2)
            printf "by arithmetic: %-14s costs %.1f s more to start; with %d machines it pays from %.1f GB on, and from %.0f GB where an instance takes 120 s more to start\n",
                ways[w], more, n, more * rate * n / (n - 1) / 1e9, (more + 120) * rate * n / (n - 1) / 1e9
    }
}' "$work/times.tsv"
rm -rf "$work"
