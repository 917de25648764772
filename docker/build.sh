#!/bin/sh
# build.sh PROGRAMS VERSION REVISION: the images from static programs of the host. The final stages are
# those of docker/Dockerfile; only the build stage is left out, so no registry is needed.
set -eu
programs=$1 version=$2 revision=$3
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
"$(dirname "$0")/roots.sh" "$programs" "$context/root-of"
sed -n '/^FROM scratch AS merge-job/,$p' "$(dirname "$0")/Dockerfile" |
    sed 's|^COPY --from=build /root-of/|COPY root-of/|' >"$context/Dockerfile"
for name in merge-job analyzer-job plumbline-model-server; do
    DOCKER_BUILDKIT=0 docker build --quiet --target "$name" --build-arg VERSION="$version" \
        --build-arg REVISION="$revision" --tag "$name:$version" --tag "$name:latest" "$context" >"$context/log" 2>&1 || {
        cat "$context/log" >&2
        exit 1
    }
    printf '%s:%s  %s bytes  ' "$name" "$version" "$(docker image inspect --format '{{.Size}}' "$name:$version")"
    docker run --rm --network none "$name:$version" --version
done
