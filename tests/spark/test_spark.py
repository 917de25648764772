"""Merge and analysis in `local-cluster`: equal to a single run of the programs on the same files."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

from plumbline import spark as plumbline
from pyspark.sql import SparkSession

PROGRAMS = Path(os.environ["PROGRAMS"])
ANALYZER = PROGRAMS / "analyzer-job"
MERGE = PROGRAMS / "merge-job"
MONITOR = {"analysis_type": "MODEL_BIAS", "features_attribute": "features", "inference_attribute": "approved"}


def run(*command):
    tree = tempfile.mkdtemp()
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": tree}
    ended = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    message = Path(tree, "output/message")
    return message.read_text() if message.exists() else ended.stdout


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def records(folder):
    """The lines of all files by folder: names and the place of a line depend on the task that wrote it."""
    lines = {}
    for path in Path(folder).rglob("*"):
        if path.is_file():
            lines.setdefault(str(path.parent.relative_to(folder)), []).extend(path.read_bytes().splitlines())
    return {folder: sorted(found) for folder, found in lines.items()}


class World:
    """Generated traffic, what one run makes of it, and Spark."""

    def __init__(self, root):
        self.root = root
        self.traffic = root / "traffic"
        run(PROGRAMS / "plumbline-generator", "traffic", self.traffic, "--rows", 6000, "--rows-per-file", 400)
        run(PROGRAMS / "plumbline-generator", "configs", root / "configs", "--format", "jsonlines")
        self.config = json.loads((root / "configs/bias-monitor.json").read_text())
        self.captures, self.labels = self.traffic / "captures", self.traffic / "ground-truth"
        self.merged = root / "merged"
        run(MERGE, f"--dataset-source={self.captures}", f"--ground-truth-source={self.labels}",
            f"--output-path={self.merged}")
        path = root / "analysis_config.json"
        path.write_text(json.dumps(self.config))
        self.result = root / "single"
        settings = [f"--{name.replace('_', '-')}={value}" for name, value in MONITOR.items()]
        self.message = run(ANALYZER, *settings, f"--analysis-config={path}", f"--dataset-source={self.merged}",
                           f"--output-path={self.result}")
        self.spark = None
        self.start()

    def start(self, environment=()):
        """A new session, whose workers have these variables too: they are processes of their own."""
        if self.spark:
            self.spark.stop()
        builder = (
            SparkSession.builder.master("local-cluster[2,1,2048]")
            .config("spark.executor.memory", "1g")
            .config("spark.ui.enabled", "false")
            .config("spark.task.maxFailures", "8")
            .config("spark.executorEnv.PYTHONPATH", os.environ["PYTHONPATH"])
        )
        for name in environment:
            builder = builder.config(f"spark.executorEnv.{name}", os.environ[name])
        self.spark = builder.getOrCreate()
        self.spark.sparkContext.setLogLevel("ERROR")

    def executors(self):
        """Process ids of the executors of this session."""
        listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout
        application = self.spark.sparkContext.applicationId
        own = [line.split(None, 1) for line in listed.splitlines() if "CoarseGrainedExecutorBackend" in line]
        return [int(pid) for pid, arguments in own if application in arguments]

    def analyze(self, name, dataset=None, **more):
        out = self.root / name
        message = plumbline.analyze(dataset or self.merged, self.config, out, spark=self.spark, settings=MONITOR,
                                    program=str(ANALYZER), **more)
        assert message == self.message, message
        found, expected = contents(out), contents(self.result)
        assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
        differing = [name for name in expected if found[name] != expected[name]]
        assert not differing, differing


def test_analysis_is_that_of_a_single_run(world):
    for tasks in [1, 3, 6]:
        world.analyze(f"analysis-{tasks}", tasks=tasks)


def test_a_merge_with_labels_for_every_task_is_that_of_a_single_run(world):
    out = world.root / "merged-spark"
    files = plumbline.merge(world.captures, world.labels, out, spark=world.spark, program=str(MERGE), tasks=4)
    assert files == len(contents(out)) > 0
    assert records(out) == records(world.merged)


def test_labels_beyond_the_limit_are_dealt_out_by_id(world):
    out = world.root / "merged-shuffle"
    plumbline.merge(world.captures, world.labels, out, spark=world.spark, program=str(MERGE), tasks=4,
                    broadcast_bytes=1000)
    assert records(out) == records(world.merged)


def test_records_with_both_ids_are_dealt_out_by_the_one_that_counts(world):
    root = world.root / "both-ids"
    for kind, source in [("captures", world.captures), ("labels", world.labels)]:
        for path in Path(source).rglob("*.jsonl"):
            to = root / kind / path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            with to.open("w") as file:
                for line in path.read_text().splitlines():
                    record = json.loads(line)
                    metadata = record["eventMetadata"]
                    name = metadata["eventId"]
                    # A label is known by its event id, which is the inference id of the capture.
                    metadata.update({"inferenceId": f"order {name}"} if kind == "captures" else
                                    {"eventId": f"order {name}", "inferenceId": f"label {name}"})
                    file.write(json.dumps(record) + "\n")
    alone, out = root / "alone", root / "shuffle"
    run(MERGE, f"--dataset-source={root / 'captures'}", f"--ground-truth-source={root / 'labels'}",
        f"--output-path={alone}")
    plumbline.merge(root / "captures", root / "labels", out, spark=world.spark, program=str(MERGE), tasks=4,
                    broadcast_bytes=1000)
    assert sum(map(len, records(alone).values())) > 1000
    assert records(out) == records(alone)


def test_what_does_not_stand_on_lines_is_refused_by_name(world):
    root = world.root / "pretty"
    source = next(Path(world.captures).rglob("*.jsonl"))
    to = root / source.relative_to(world.captures)
    to.parent.mkdir(parents=True)
    to.write_text(json.dumps([json.loads(line) for line in source.read_text().splitlines()], indent=1))
    told = ""
    try:
        plumbline.merge(root, world.labels, world.root / "merged-pretty", spark=world.spark, program=str(MERGE),
                        tasks=2, broadcast_bytes=1000)
    except Exception as error:
        told = str(error)
    assert f"{source.relative_to(world.captures)} of the captures" in told and "broadcast_bytes" in told, told


def test_an_executor_that_is_killed_changes_nothing(world):
    slow = world.root / "slow-job"
    slow.write_text(f"#!/bin/sh\n[ \"$1\" = fold ] && sleep 2\nexec {ANALYZER} \"$@\"\n")
    slow.chmod(0o755)
    killed = []

    def kill():
        time.sleep(3)
        for pid in world.executors()[:1]:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    thread = threading.Thread(target=kill)
    thread.start()
    out = world.root / "killed"
    message = plumbline.analyze(world.merged, world.config, out, spark=world.spark, settings=MONITOR,
                                program=str(slow), tasks=6)
    thread.join()
    assert killed, "no executor was found"
    assert message == world.message
    assert contents(out) == contents(world.result)


def test_a_part_that_cannot_be_folded_fails_with_its_message(world):
    bad = {**world.config, "label": "nowhere"}
    out = world.root / "never"
    try:
        plumbline.analyze(world.merged, {**bad, "methods": {}}, out, spark=world.spark, settings=MONITOR,
                          program=str(ANALYZER), tasks=2)
    except Exception as error:
        assert "PL0" in str(error), error
    else:
        raise AssertionError("it went through")
    assert not out.exists() or not contents(out)


def test_files_and_results_may_be_objects_in_s3(world):
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    for name, value in {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        os.environ[name] = value
    world.start([name for name in os.environ if name.startswith("AWS_")])
    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    client.create_bucket(Bucket="plumbline-test", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for name, data in contents(world.merged).items():
        client.put_object(Bucket="plumbline-test", Key=f"merged/{name}", Body=data)
    plumbline.analyze("s3://plumbline-test/merged", world.config, "s3://plumbline-test/result", spark=world.spark, settings=MONITOR,
                      program=str(ANALYZER), tasks=3)
    listed = client.list_objects_v2(Bucket="plumbline-test", Prefix="result/")["Contents"]
    found = {item["Key"][len("result/"):]: client.get_object(Bucket="plumbline-test", Key=item["Key"])["Body"].read() for item in listed}
    server.stop()
    assert found == contents(world.result)


def main():
    passed, failed = 0, 0
    with tempfile.TemporaryDirectory() as root:
        world = World(Path(root))
        wanted = sys.argv[1:]
        tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
        for name, test in tests:
            if wanted and not any(part in name for part in wanted):
                continue
            began = time.monotonic()
            try:
                test(world)
                passed += 1
                print(f"ok    {name} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL  {name}", flush=True)
                traceback.print_exc()
        world.spark.stop()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
