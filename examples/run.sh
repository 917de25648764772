#!/usr/bin/env bash
# run.sh NAME: makes data for an example and runs it in local mode, after `make images`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
name=${1%.py}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -1)
# Where `make build` puts the programs; the tests say otherwise.
programs=${PROGRAMS:-$(echo "$root"/target/*/release)}
export MERGE_IMAGE=${MERGE_IMAGE:-merge-job:$version} ANALYZER_IMAGE=${ANALYZER_IMAGE:-analyzer-job:$version}
export DATA=$root/scratch/examples/data RESULTS=$root/scratch/examples/$name

case $name in
*_csv) format=csv ;;
*) format=jsonlines ;;
esac
rm -rf "$DATA" "$RESULTS"
mkdir -p "$DATA" "$RESULTS"
"$programs/plumbline-generator" dataset "$DATA/train" --rows 2000 --without-predictions --format "$format"
"$programs/plumbline-generator" traffic "$DATA" --rows 2000 --drift 1 --payload "$format" >/dev/null
"$root/tests/clients/local.sh" v2 "${MODEL_IMAGE:-plumbline-model-server:$version}" python "$here/$name.py"
