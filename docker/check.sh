#!/bin/sh
# check.sh: what the Dockerfile must not have, since the plainest builder has to understand it.
set -eu
file=$(dirname "$0")/Dockerfile
if grep -nE 'RUN --mount|COPY --chmod|COPY --link|<<' "$file"; then
    echo "docker/Dockerfile uses something that only BuildKit knows" >&2
    exit 1
fi
for name in merge-job analyzer-job; do
    grep -q "ENTRYPOINT \[\"/$name\"\]" "$file" || {
        echo "docker/Dockerfile: $name has no exec-form entrypoint" >&2
        exit 1
    }
done
