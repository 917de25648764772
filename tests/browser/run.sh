#!/usr/bin/env bash
# Reports on invented data in a real browser, a real notebook kernel and a real PDF reader.
# usage: tests/browser/run.sh BIN   (BIN: the folder of the release build, as `make build` makes it)
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:?usage: tests/browser/run.sh BIN}/../browser-tests
mkdir -p "$work"
work=$(cd "$work" && pwd)

missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v pdftotext >/dev/null || missing+=(poppler-utils)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
if ! cmp -s tests/browser/requirements.txt "$work/python/installed.txt"; then
    python3 -m venv "$work/python"
    "$work/python/bin/pip" install -q -r tests/browser/requirements.txt
    cp tests/browser/requirements.txt "$work/python/installed.txt"
fi

rm -rf "$work/reports"
cargo run --release --locked --quiet --package analyzer-job --example report_gallery -- "$work/reports"
"$work/python/bin/python" tests/browser/check.py "$work/reports"
