#!/bin/sh
# version.sh OLD NEW: an upgrade of the version in every place that names it.
set -eu
cd "$(dirname "$0")/.."
old=$1 new=${2:-}
case $new in
*[!0-9.]* | "" | *.*.*.* | .* | *. | *..*)
    echo "name the version, of three numbers: make version TO=0.2.0" >&2
    exit 1
    ;;
*.*.*) ;;
*)
    echo "a version has three numbers: make version TO=0.2.0" >&2
    exit 1
    ;;
esac
dots=$(echo "$old" | sed 's/\./\\./g')
sed -i "s/^version = \"$dots\"/version = \"$new\"/" Cargo.toml
sed -i "s/^ARG VERSION=$dots\$/ARG VERSION=$new/" docker/Dockerfile
sed -i "s/-job:$dots\\b/-job:$new/g" docs/*.md README.md
cargo update --workspace --offline --quiet
grep -q "^## $new\$" CHANGELOG.md ||
    sed -i "1,/^## /s/^## /## $new\n\nWhat changed for users:\n\n## /" CHANGELOG.md
echo "$old -> $new: Cargo.toml, Cargo.lock, docker/Dockerfile, docs; say in CHANGELOG.md what changed"
