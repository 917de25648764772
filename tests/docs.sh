#!/usr/bin/env bash
# docs.sh PROGRAMS [docker]: runs the commands of README.md and docs/ as they are written, page by page, each page in a
# folder of its own that holds the files its commands speak of; with `docker` those that start containers, else
# the others. Commands are the blocks marked `sh`. Left out are those that need an AWS account or build this project
# (`aws`, `make`, ACCOUNT). Port 8080 becomes a free one. Without `docker`, docs/configuration.md must also name the
# settings that `--help` of the programs lists, and no others.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
PATH=$(cd "$1" && pwd):$PATH
containers=${2:-}
work=$(mktemp -d)
passed=0
failed=0

finish() {
    # What docs/docker.md starts, in case it did not get to the end.
    if [ -n "$containers" ]; then
        docker rm --force credit-model >/dev/null 2>&1 || true
        docker network rm models >/dev/null 2>&1 || true
    fi
    rm -rf "$work"
}
trap finish EXIT

# blocks PAGE FOLDER KIND: each fenced block of that kind as a file, by its line.
blocks() {
    awk -v folder="$2" -v kind="$3" '
        /^```/ && !inside { inside = 1; wanted = (substr($0, 4) == kind); line = NR; next }
        /^```/ { inside = 0; next }
        inside && wanted { print > sprintf("%s/%05d.%s", folder, line, kind) }' "$1"
}

# report OUTCOME NAME: a line for each thing looked at.
report() {
    if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    printf '%-4s  %s\n' "$1" "$2"
}

# settings PROGRAM: its settings by --help and by the page, as a difference; nothing when they agree.
settings() {
    diff <("$1" --help | sed -n 's/^ *\(-[a-zA-Z], \)\{0,1\}--\([a-z-]*\).*/\2/p' | grep -vxE 'help|version' | tr - _ | sort) \
        <(awk -v part="### \`$1\`" '/^##/ { inside = ($0 == part) } inside && /^\| `/' docs/configuration.md |
            cut -d'|' -f2 | grep -o '[a-z_]*' | sort)
}

# The files that the pages speak of.
prepare() {
    plumbline-generator dataset data/train.csv --rows 400
    plumbline-generator dataset sample/train.csv --rows 20 --without-predictions
    plumbline-generator traffic traffic --rows 400 --drift 1 >/dev/null
    mv traffic/captures captures
    mv traffic/ground-truth labels
    plumbline-generator configs configs --format jsonlines
    cp configs/bias-monitor.json bias_monitor.json
    plumbline-generator configs configs --format csv
    cp configs/explainability-baseline.json explainability.json
    # The configuration that the README shows.
    mkdir blocks config
    blocks "$root/README.md" blocks json
    local examples=(blocks/*.json)
    cp "${examples[0]}" analysis_config.json
    cp analysis_config.json config/
    rm -r blocks traffic configs
    # A result of each side for the page about the move.
    analyzer-job --analysis-config analysis_config.json --dataset-source data --output-path ours >log 2>&1 || cat log
    cp -r ours hosted
}

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$work/files"
(cd "$work/files" && prepare)

for page in README.md docs/*.md examples/README.md; do
    # Else a command could be left out unseen.
    unmarked=$(awk '/^```/ && !inside { inside = 1; if ($0 == "```") printf " %d", NR; next } /^```/ { inside = 0 }' "$page")
    [ -z "$unmarked" ] || report FAIL "$page: the block has no kind (sh, text, ...), line$unmarked"
    folder=$work/${page//\//-}
    mkdir -p "$folder/blocks"
    blocks "$page" "$folder/blocks" sh
    cp -r "$work/files" "$folder/run"
    for block in "$folder"/blocks/*.sh; do
        [ -f "$block" ] || continue
        if grep -qwE 'aws|make|ACCOUNT' "$block"; then continue; fi
        if grep -qw docker "$block"; then [ -n "$containers" ] || continue; else [ -z "$containers" ] || continue; fi
        name="$page, line $(basename "$block" .sh | sed 's/^0*//')"
        # On the host only: a container has a port 8080 of its own.
        sed -i "s/127\.0\.0\.1:8080/127.0.0.1:$port/g" "$block"
        if (cd "$folder/run" && timeout 120 bash -euo pipefail "$block") >"$folder/log" 2>&1; then
            report ok "$name"
        else
            report FAIL "$name"
            sed 's/^/      /' "$block"
            tail -n 15 "$folder/log"
        fi
    done
done

if [ -z "$containers" ]; then
    for program in merge-job analyzer-job; do
        name="docs/configuration.md names the settings of $program"
        if settings "$program"; then report ok "$name"; else report FAIL "$name"; fi
    done
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
