#!/usr/bin/env bash
# venv.sh VERSION: the virtual environment with the SageMaker SDK of that version (v2 or v3), made when it is not
# there or its requirements changed. Prints its folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
requirements=$here/requirements-$1.txt
venv=$here/.venv-$1

if ! cmp --quiet "$requirements" "$venv/requirements.txt"; then
    echo "installing $(basename "$requirements") into $venv" >&2
    rm -rf "$venv"
    python3 -m venv "$venv"
    # What is imported is compiled then; most is not.
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-compile --requirement "$requirements"
    # Last, so that what was cut short is made anew.
    cp "$requirements" "$venv/requirements.txt"
fi
echo "$venv"
