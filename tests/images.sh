#!/usr/bin/env bash
# images.sh PROGRAMS MERGE_IMAGE ANALYZER_IMAGE: both images by `docker run`, with the folders of a job mounted
# at the real /opt/ml, against the programs of the same build: the same bytes, in every way people run
# containers. Only bind mounts and the local engine; nothing is pulled.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/checks.sh
bin=$(cd "$1" && pwd)
merge_image=$2
analyzer_image=$3
work=$(mktemp -d)
name=plumbline-images-$$

finish() {
    docker rm --force "$name" >/dev/null 2>&1 || true
    # What a container wrote as root may be left for root to delete.
    rm -rf "$work" 2>/dev/null || true
}
trap finish EXIT

# tree JOB: a fresh /opt/ml for the job in $ml, which any user may write results to.
tree() {
    ml=$(mktemp -d "$work/ml.XXXX")
    mkdir -p "$ml/output" "$ml/processing/output" "$ml/config"
    cp -r "$work/inputs-$1" "$ml/processing/input"
    echo '{"ProcessingJobName": "images", "Environment": {}}' >"$ml/config/processingjobconfig.json"
    chmod -R a+rX "$ml"
    chmod 777 "$ml/output" "$ml/processing/output"
}

# expected JOB PROGRAM: what the program itself makes of the inputs, in $work/expected-JOB.
expected() {
    tree "$1"
    SAGEMAKER_BASE_DIR=$ml "$bin/$2" 2>"$work/native.log" || {
        cat "$work/native.log" >&2
        exit 1
    }
    mv "$ml/processing/output" "$work/expected-$1"
}

# same JOB IMAGE OPTIONS...: the image with these options of docker writes what the program wrote.
same() {
    local job=$1 image=$2
    shift 2
    tree "$job"
    docker run --rm --name "$name" --volume "$ml:/opt/ml" "$@" "$image" || return 1
    grep '^Completed' "$ml/output/message" || return 1
    diff -r "$work/expected-$job" "$ml/processing/output"
}

# stopped IMAGE: SIGTERM reaches process 1, and it leaves nothing behind.
stopped() {
    tree large
    docker run --detach --name "$name" --cpus 0.1 --volume "$ml:/opt/ml" "$1" || return 1
    sleep 1
    docker kill --signal TERM "$name" || return 1
    local code
    code=$(timeout 10 docker wait "$name") || return 1
    docker rm "$name" >/dev/null
    echo "exit code $code, $(cat "$ml/output/message")"
    [ "$code" = 143 ] && [ -z "$(find "$ml/processing/output" -type f)" ]
}

# unwritable JOB IMAGE: the dry run tells that the output cannot be written, with the job's exit code.
unwritable() {
    tree "$1"
    local code=0
    docker run --rm --name "$name" --volume "$ml:/opt/ml" \
        --volume "$ml/processing/output:/opt/ml/processing/output:ro" "$2" validate || code=$?
    [ "$code" = 3 ]
}

# materials IMAGE: its bill of materials names this version of the program and a crate of every program.
materials() {
    docker create --name "$name" "$1" >/dev/null || return 1
    docker cp "$name:/licenses/materials.cdx.json" "$work/materials.json" || return 1
    docker rm "$name" >/dev/null
    python3 - "$work/materials.json" "${1%:*}" "${1##*:}" <<'END'
import json, sys
path, program, version = sys.argv[1:]
bill = json.load(open(path))
own = bill["metadata"]["component"]
parts = bill["components"]
print(own, len(parts), "components")
assert (own["name"], own["version"]) == (program, version)
assert any(part["name"] == "serde_json" and part["purl"] == "pkg:cargo/serde_json@" + part["version"] for part in parts)
assert all(part["licenses"][0]["expression"] for part in parts)
assert any(part["name"] == "glibc" for part in parts)
END
}

# full JOB IMAGE: a disk that fills up while results are written: said so with the exit code, and no file stays.
full() {
    tree "$1"
    local code=0
    docker run --rm --name "$name" --volume "$ml:/opt/ml" --tmpfs /opt/ml/processing/output:size=64k \
        "$2" || code=$?
    cat "$ml/output/message"
    [ "$code" = 3 ] && grep -q '^Error: PL0902: ' "$ml/output/message"
}

label() { [ -n "$(docker image inspect --format "{{index .Config.Labels \"$2\"}}" "$1")" ]; }

smaller() {
    local bytes
    bytes=$(docker image inspect --format '{{.Size}}' "$1")
    echo "$bytes bytes"
    [ "$bytes" -lt "$2" ]
}

# only_program IMAGE NAME [LICENCE...]: the program, certificates, licences, bill of materials and /tmp; no shell, no users.
only_program() {
    local image=$1
    shift
    docker create --name "$name" "$image" >/dev/null || return 1
    docker export "$name" | tar -t >"$work/files"
    docker rm "$name" >/dev/null
    # The engine adds mount points such as /dev, /etc/hosts and /.dockerenv to every container.
    grep -vE '/$|^(dev|proc|sys)/|^\.dockerenv$|^etc/(hosts|hostname|resolv\.conf|mtab)$' "$work/files" | sort
    [ "$(grep -vE '/$|^(dev|proc|sys)/|^\.dockerenv$|^etc/(hosts|hostname|resolv\.conf|mtab)$' "$work/files" | sort | tr '\n' ' ')" = \
        "$(printf '%s\n' "$@" etc/ssl/certs/ca-certificates.crt licenses/LICENSE licenses/materials.cdx.json | sort | tr '\n' ' ')" ]
}

traffic() { "$bin/plumbline-generator" traffic "$@" >/dev/null; }

traffic "$work/traffic" --rows 20000 --payload jsonlines
mkdir -p "$work/inputs-merge"
mv "$work/traffic/captures" "$work/inputs-merge/endpoint"
mv "$work/traffic/ground-truth" "$work/inputs-merge/groundtruth"
traffic "$work/traffic" --bytes 200MB
mkdir -p "$work/inputs-large"
mv "$work/traffic/captures" "$work/inputs-large/endpoint"
mv "$work/traffic/ground-truth" "$work/inputs-large/groundtruth"
mkdir -p "$work/inputs-analyzer/config"
"$bin/plumbline-generator" dataset "$work/inputs-analyzer/data/data.csv" --rows 5000
"$bin/plumbline-generator" configs "$work/configs" --format csv
cp "$work/configs/bias-baseline.json" "$work/inputs-analyzer/config/analysis_config.json"

for job in merge analyzer; do
    if [ "$job" = merge ]; then image=$merge_image limit=10000000; else image=$analyzer_image limit=50000000; fi
    expected "$job" "$job-job"
    check "$job: as root" same "$job" "$image"
    check "$job: as user 1000" same "$job" "$image" --user 1000:1000
    check "$job: read-only root file system" same "$job" "$image" --read-only --tmpfs /tmp
    check "$job: no network" same "$job" "$image" --network none
    check "$job: 256 MB of memory" same "$job" "$image" --memory 256m --memory-swap 256m
    check "$job: 64 MB of memory, one processor, 256 open files" same "$job" "$image" --memory 64m \
        --memory-swap 64m --cpus 1 --ulimit nofile=256:256
    check "$job: a full disk" full "$job" "$image"
    check "$job: all of these at once" same "$job" "$image" --user 1000:1000 --read-only --tmpfs /tmp \
        --network none --memory 256m --memory-swap 256m --cap-drop ALL --security-opt no-new-privileges
    check "$job: an output that cannot be written" unwritable "$job" "$image"
    check "$job: smaller than $limit bytes" smaller "$image" "$limit"
    fonts=()
    [ "$job" = merge ] || fonts=(licenses/fonts/README.md licenses/fonts/OFL.txt)
    check "$job: nothing but the program" only_program "$image" "$job-job" "${fonts[@]}"
    check "$job: bill of materials" materials "$image"
    check "$job: version label" label "$image" org.opencontainers.image.version
    check "$job: revision label" label "$image" org.opencontainers.image.revision
done
check "merge: SIGTERM to process 1" stopped "$merge_image"

counted
