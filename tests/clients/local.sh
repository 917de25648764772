#!/usr/bin/env bash
# local.sh VERSION MODEL_IMAGE COMMAND...: runs a command where the SageMaker SDK of that version (v2 or v3) works
# in local mode without an AWS account: its own virtual environment, moto in the place of S3 and of the SageMaker
# API, and the project's model server as a container on the SDK's network. Linux with Docker Engine.
#
# The command finds these variables: the usual AWS_*, BUCKET (exists, empty), ROLE, MODEL_HOST_URL (the model server
# as this machine reaches it) and MODEL_URL (as containers on the network do). Whatever runs here is gone afterwards,
# containers that the SDK leaves behind included.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=$1 model_image=$2
shift 2
venv=$("$here/venv.sh" "$version")
work=$(mktemp -d)
mark=plumbline-local-$$
network=sagemaker-local
owner=com.docker.compose.project=plumbline-local
moto=

finish() {
    local code=$?
    trap - EXIT INT TERM
    [ -z "$moto" ] || kill "$moto" 2>/dev/null || true
    docker ps --all --quiet --filter "label=$mark" | xargs --no-run-if-empty docker rm --force >/dev/null || true
    # Names that a test gave to an image for a while.
    [ ! -f "$work/names" ] || xargs --no-run-if-empty docker rmi >/dev/null <"$work/names" || true
    # Only if a run of this script made it. Fails, rightly, when other containers are on the network.
    docker network ls --quiet --filter "name=^$network\$" --filter "label=$owner" |
        xargs --no-run-if-empty docker network rm >/dev/null 2>&1 || true
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The plugin `docker compose`, unlike the older program, refuses a network without the labels that itself would give.
# One run at a time looks, for the engine would make a second network of the same name.
(
    flock 9
    docker network inspect "$network" >/dev/null 2>&1 ||
        docker network create --label "$owner" --label "com.docker.compose.network=$network" "$network" >/dev/null
) 9<"$here"
gateway=$(docker network inspect --format '{{(index .IPAM.Config 0).Gateway}}' "$network")
docker run --detach --label "$mark" --name "$mark-model" --network "$network" "$model_image" >/dev/null
model_address=$(docker inspect --format "{{(index .NetworkSettings.Networks \"$network\").IPAddress}}" "$mark-model")

# Settings of the SDK: no telemetry; everything it starts or leaves behind can be found again, and files that
# containers write belong to this user.
mkdir -p "$work/home/.sagemaker" "$work/containers" "$work/tmp"
cat >"$work/home/.sagemaker/config.yaml" <<END
local:
  container_root: $work/containers
  container_config:
    user: "$(id -u):$(id -g)"
    labels:
      $mark: "yes"
END
cat >"$work/sdk.yaml" <<END
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
END

export DOCKER_CONFIG=${DOCKER_CONFIG:-$HOME/.docker}
export HOME=$work/home TMPDIR=$work/tmp PATH=$venv/bin:$PATH PYTHONWARNINGS=ignore
unset AWS_PROFILE AWS_REGION
# The gateway's address, unlike the loopback, can be reached from containers as well.
port=$(python -c 'import socket, sys; s = socket.socket(); s.bind((sys.argv[1], 0)); print(s.getsockname()[1])' "$gateway")
moto_server --host "$gateway" --port "$port" >"$work/moto.log" 2>&1 &
moto=$!
export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing AWS_SESSION_TOKEN=testing
export AWS_DEFAULT_REGION=us-east-1 AWS_ENDPOINT_URL=http://$gateway:$port AWS_EC2_METADATA_DISABLED=true
export SAGEMAKER_USER_CONFIG_OVERRIDE=$work/sdk.yaml SAGEMAKER_SUPPRESS_V2_WARNING=1
export BUCKET=plumbline ROLE=arn:aws:iam::000000000000:role/jobs
export MODEL_URL=http://$mark-model:8080 MODEL_HOST_URL=http://$model_address:8080
export IMAGE_NAMES=$work/names

for _ in $(seq 100); do
    if python - 2>/dev/null <<'END'
import os, urllib.request
urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/moto-api/", timeout=2)
urllib.request.urlopen(os.environ["MODEL_HOST_URL"] + "/ping", timeout=2)
END
    then break; fi
    kill -0 "$moto" 2>/dev/null || { cat "$work/moto.log" >&2; exit 1; }
    sleep 0.2
done
python -c 'import boto3, os; boto3.client("s3").create_bucket(Bucket=os.environ["BUCKET"])'
"$@"
