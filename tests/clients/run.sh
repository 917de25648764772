#!/usr/bin/env bash
# run.sh PROGRAMS MERGE_IMAGE ANALYZER_IMAGE MODEL_IMAGE: the unmodified SageMaker SDK, versions 2 and 3, in local
# mode against the images; results are held against those of the programs in the folder PROGRAMS on the same rows.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PROGRAMS=$(cd "$1" && pwd)
export PROGRAMS MERGE_IMAGE=$2 ANALYZER_IMAGE=$3
model_image=$4
code=0
for version in v2 v3; do
    "$here/local.sh" "$version" "$model_image" python "$here/main.py" || code=1
done
exit "$code"
