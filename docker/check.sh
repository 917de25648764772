#!/bin/sh
# check.sh: what the Dockerfile must not have, since the plainest builder has to understand it; and that its version
# and its compiler are those of the project.
set -eu
file=$(dirname "$0")/Dockerfile
source=$(dirname "$0")/..
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/Cargo.toml" | head -n 1)
compiler=$(sed -n 's/^channel = "\(.*\)"/\1/p' "$source/rust-toolchain.toml")
[ "$(grep '^ARG VERSION' "$file" | sort -u)" = "ARG VERSION=$version" ] || {
    echo "docker/Dockerfile: every ARG VERSION must be $version, as in Cargo.toml; see docker/version.sh" >&2
    exit 1
}
grep -q "^FROM rust:$compiler-" "$file" || {
    echo "docker/Dockerfile: the build stage must have rust:$compiler, as in rust-toolchain.toml" >&2
    exit 1
}
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
