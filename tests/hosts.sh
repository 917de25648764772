#!/usr/bin/env bash
# hosts.sh PROGRAMS ANALYZER_IMAGE: plays the platform for a job of three hosts. Keys are dealt one after the other, each host
# is a container on an internal network with a resourceconfig.json of its own, and its output is collected; then a job of
# one host combines. The results must be the bytes of one host over everything, and a killed host must be missed by name.
set -euo pipefail
# shellcheck source=tests/checks.sh
. "$(dirname "$0")/checks.sh"
bin=$(cd "$1" && pwd)
image=$2
work=$(mktemp -d)
network=plumbline-hosts-$$

finish() {
    for host in 1 2 3; do docker rm --force "$network-$host" >/dev/null 2>&1 || true; done
    docker network rm "$network" >/dev/null 2>&1 || true
    rm -rf "$work" 2>/dev/null || true
}
trap finish EXIT
docker network create --internal "$network" >/dev/null

settings=(-e analysis_type=MODEL_BIAS -e features_attribute=features -e inference_attribute=approved)
"$bin/plumbline-generator" traffic "$work/traffic" --rows 4000 --rows-per-file 200 --drift 1 >/dev/null
"$bin/plumbline-generator" configs "$work/configs" --format jsonlines
mkdir "$work/config"
cp "$work/configs/bias-monitor.json" "$work/config/analysis_config.json"

# job NAME: a fresh /opt/ml in $ml, with the configuration and one output.
job() {
    ml=$work/$1
    mkdir -p "$ml/config" "$ml/output" "$ml/processing/output" "$ml/processing/input" "$ml/processing/input_data"
    cp -r "$work/config" "$ml/processing/input/config"
    chmod 777 "$ml/output" "$ml/processing/output"
}

# inputs KIND: what the platform tells of the inputs.
inputs() {
    local input='{"InputName": "%s", "S3Input": {"LocalPath": "/opt/ml/processing/%s", "S3DataDistributionType": "%s"}}'
    # shellcheck disable=SC2059 # the format is made of three
    printf "{\"ProcessingJobName\": \"\", \"ProcessingInputs\": [$input, $input, $input]}" \
        captures input_data "$1" labels groundtruth FullyReplicated analysis_config input/config FullyReplicated
}

# hosts DATA LABELS [KILLED]: three hosts, each with its shard; one of them may be killed. Collects into $work/collected.
hosts() {
    rm -rf "$work/collected" "$work"/host-*
    mkdir -p "$work/collected"
    local number=0 host name
    for host in 3 1 2; do
        job "host-$host"
        inputs ShardedByS3Key >"$ml/config/processingjobconfig.json"
        echo "{\"current_host\": \"algo-$host\", \"hosts\": [\"algo-2\", \"algo-1\", \"algo-3\"]}" >"$ml/config/resourceconfig.json"
        [ -z "$2" ] || cp -r "$2" "$ml/processing/groundtruth"
    done
    while read -r name; do
        host=$((number % 3 + 1))
        mkdir -p "$work/host-$host/processing/input_data/$(dirname "$name")"
        cp "$1/$name" "$work/host-$host/processing/input_data/$name"
        number=$((number + 1))
    done < <(cd "$1" && find . -type f | sort)
    for host in 1 2 3; do
        local slow=()
        # So slow that it cannot end before it is killed.
        [ "${3:-}" != "$host" ] || slow=(--cpus 0.01)
        docker run --detach --name "$network-$host" --network "$network" --network-alias "algo-$host" "${slow[@]}" \
            --volume "$work/host-$host:/opt/ml" "${settings[@]}" "$image" >/dev/null
    done
    [ -z "${3:-}" ] || docker kill "$network-$3" >/dev/null
    for host in 1 2 3; do
        ended[host]=$(docker wait "$network-$host")
        docker logs "$network-$host" >"$work/host-$host.log" 2>&1
        docker rm "$network-$host" >/dev/null
        cp -r "$work/host-$host/processing/output/." "$work/collected/"
    done
}

# combine: a job of one host over the states that were collected, in $ml.
combine() {
    rm -rf "$work/combine"
    job combine
    echo '{"ProcessingJobName": ""}' >"$ml/config/processingjobconfig.json"
    cp -r "$work/collected/states" "$ml/processing/input/states"
    docker run --rm --network none --volume "$ml:/opt/ml" "${settings[@]}" "$image" combine 2>"$work/combine.log"
}

# one DATA LABELS: the same job on one host, in $work/one.
one() {
    rm -rf "$work/one"
    job one
    echo '{"ProcessingJobName": ""}' >"$ml/config/processingjobconfig.json"
    cp -r "$1/." "$ml/processing/input_data/"
    [ -z "$2" ] || cp -r "$2" "$ml/processing/groundtruth"
    docker run --rm --network none --volume "$ml:/opt/ml" "${settings[@]}" "$image" 2>"$work/one.log"
}

spoke() { # only the first host writes an exit message
    [ -s "$work/host-1/output/message" ] && [ ! -e "$work/host-2/output/message" ] && [ ! -e "$work/host-3/output/message" ]
}

missed() { # the combination that lacks algo-3 fails, names it, and writes nothing
    local code=0
    combine || code=$?
    cat "$ml/output/message"
    # shellcheck disable=SC2016 # the message has these quotes
    [ "$code" = 3 ] && grep -q 'PL0909.*`algo-3`' "$ml/output/message" && [ -z "$(ls "$ml/processing/output")" ]
}

declare -a ended
SAGEMAKER_BASE_DIR=$work "$bin/merge-job" --dataset-source "$work/traffic/captures" --ground-truth-source \
    "$work/traffic/ground-truth" --output-path "$work/merged" 2>/dev/null

hosts "$work/merged" ""
check "three hosts fold their shards" test "${ended[*]}" = "0 0 0"
check "one host speaks for the job" spoke
check "a job of one host combines" combine
one "$work/merged" ""
check "the results are those of one host, byte for byte" diff -r "$work/one/processing/output" "$work/combine/processing/output"
check "the exit message is that of one host" diff "$work/one/output/message" "$work/combine/output/message"

hosts "$work/traffic/captures" "$work/traffic/ground-truth"
check "three hosts merge and fold their shards" test "${ended[*]}" = "0 0 0"
check "a job of one host combines what was merged" combine
one "$work/traffic/captures" "$work/traffic/ground-truth"
check "its metrics are those of one host" diff "$work/one/processing/output/analysis.json" "$work/combine/processing/output/analysis.json"

hosts "$work/merged" "" 3
check "a host is killed" test "${ended[3]}" = 137
check "a killed host is missed by name, and nothing is written" missed

counted
