#!/bin/sh
# push.sh REGISTRY IMAGE...: tags the images for an ECR registry and pushes them. Needs a login:
# aws ecr get-login-password | docker login --username AWS --password-stdin REGISTRY
set -eu
registry=$1
shift
[ -n "$registry" ] || {
    echo "name the registry: make push-images ECR=ACCOUNT.dkr.ecr.REGION.amazonaws.com" >&2
    exit 1
}
for image in "$@"; do
    docker tag "$image" "$registry/$image"
    docker push "$registry/$image"
done
