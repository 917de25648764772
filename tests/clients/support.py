"""What the tests share: generated data, S3, and the program itself on the same files."""

import csv
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import boto3

import sdk

PROGRAMS = Path(os.environ["PROGRAMS"])
MERGE_IMAGE = os.environ["MERGE_IMAGE"]
ANALYZER_IMAGE = os.environ["ANALYZER_IMAGE"]
MODEL_URL = os.environ["MODEL_URL"]
MODEL_HOST_URL = os.environ["MODEL_HOST_URL"]

ROWS = 300
LABEL = "repaid"
PREDICTED = "approved"
FACET = ("sex", "female")

# Where a container finds AWS: the model server answers for SageMaker. Local mode passes neither on by itself.
CONTAINER_AWS = {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": MODEL_URL}


def generate(*arguments):
    command = [PROGRAMS / "plumbline-generator", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Jobs(unittest.TestCase):
    """A test with a folder for files and a prefix in the bucket of its own."""

    maxDiff = 2000

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.prefix = f"{type(self).__name__}/{self._testMethodName}"
        self.s3 = boto3.client("s3")

    def address(self, path):
        return f"s3://{sdk.BUCKET}/{self.prefix}/{path}"

    def upload(self, local, path):
        """Uploads a file, or what is in a folder, and returns its address (that of a folder ends in a slash)."""
        local = Path(local)
        if local.is_file():
            self.s3.upload_file(str(local), sdk.BUCKET, f"{self.prefix}/{path}")
            return self.address(path)
        for file in sorted(local.rglob("*")):
            if file.is_file():
                key = f"{self.prefix}/{path}/{file.relative_to(local)}"
                self.s3.upload_file(str(file), sdk.BUCKET, key)
        return self.address(path) + "/"

    def uploaded(self, path):
        """The contents of all objects below a path, by their names relative to it."""
        start = f"{self.prefix}/{path.rstrip('/')}/"
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=sdk.BUCKET, Prefix=start)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        read = lambda key: self.s3.get_object(Bucket=sdk.BUCKET, Key=key)["Body"].read()
        return {key.removeprefix(start): read(key) for key in keys}

    def native(self, program, inputs, environment=(), output="processing/output"):
        """Runs the program as a job of its own and returns its output files by name.

        `inputs` are contents by path below /opt/ml, or files and folders to copy there.
        """
        base = Path(tempfile.mkdtemp(dir=self.folder))
        (base / output).mkdir(parents=True)
        (base / "output").mkdir(exist_ok=True)
        for path, source in inputs.items():
            target = base / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, bytes):
                target.write_bytes(source)
            elif source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copy(source, target)
        variables = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        variables |= {"PATH": os.environ["PATH"], "SAGEMAKER_BASE_DIR": str(base)}
        variables |= {name: value.replace("/opt/ml", str(base)) for name, value in dict(environment).items()}
        done = subprocess.run([PROGRAMS / program], env=variables, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return contents(base / output)

    def native_analysis(self, config, data, name, environment=()):
        """What the program makes of a configuration that the SDK wrote and a dataset."""
        inputs = {
            "processing/input/config/analysis_config.json": config,
            f"processing/input/data/{name}": data,
        }
        aws = {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": MODEL_HOST_URL}
        return self.native("analyzer-job", inputs, aws | dict(environment))

    def assert_same(self, ours, expected, names):
        for name in names:
            self.assertIn(name, expected)
            self.assertIn(name, ours, sorted(ours))
            if ours[name] != expected[name] and name.endswith(".json"):
                self.assertEqual(json.loads(ours[name]), json.loads(expected[name]), name)
            self.assertTrue(ours[name] == expected[name], f"{name} has other bytes")


def contents(folder):
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def csv_rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def metric(analysis, stage, code):
    """The value of a metric of the facet that all tests use."""
    (facet,) = analysis[stage]["facets"][FACET[0]]
    assert facet["value_or_threshold"] == FACET[1], facet
    return next(metric["value"] for metric in facet["metrics"] if metric["name"] == code)
