"""The data quality monitor, as notebooks and schedules start it, and the SDK's own readers on what the jobs wrote."""

import json
import shutil
import unittest

import sdk
from sdk import model_monitor
from support import ANALYZER_IMAGE, Jobs, generate

FILES = ["constraints.json", "statistics.json"]
PROCESSING = "/opt/ml/processing"

# As the service set it for a schedule in March 2024; times and format are those of the generated traffic.
RECORDED = {
    "baseline_constraints": f"{PROCESSING}/baseline/constraints/constraints.json",
    "baseline_statistics": f"{PROCESSING}/baseline/stats/statistics.json",
    "dataset_format": '{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}',
    "dataset_source": f"{PROCESSING}/input/endpoint",
    "end_time": "2024-05-01T06:00:00Z",
    "metric_time": "2024-05-01T00:00:00Z",
    "monitoring_input_type": "ENDPOINT_INPUT",
    "output_path": f"{PROCESSING}/output",
    "publish_cloudwatch_metrics": "Enabled",
    "sagemaker_endpoint_name": "credit",
    "sagemaker_monitoring_schedule_name": "hourly-check",
    "start_time": "2024-05-01T00:00:00Z",
}


@unittest.skipIf(sdk.VERSION != 2, "version 3 asks its baseline job for an attribute that it lacks")
class DataQuality(Jobs):
    def setUp(self):
        super().setUp()
        for name, drift in [("then", 0), ("now", 1)]:
            generate(
                "traffic", self.folder / name, "--payload", "csv", "--rows", 2000, "--drift", drift, "--several", 0
            )

    def table(self):
        """The captured rows of the baseline as a CSV file without a header row, the answer in front."""
        out = self.folder / "train.csv"
        with open(out, "w") as table:
            for file in sorted((self.folder / "then/captures").rglob("*.jsonl")):
                for line in file.read_text().splitlines():
                    data = json.loads(line)["captureData"]
                    cells = [data[part]["data"].strip() for part in ("endpointOutput", "endpointInput")]
                    table.write(",".join(cells) + "\n")
        return out

    def baseline(self):
        monitor = model_monitor.DefaultModelMonitor(
            role=sdk.ROLE, instance_count=1, instance_type="local", sagemaker_session=sdk.local_session()
        )
        monitor.image_uri = ANALYZER_IMAGE
        monitor.suggest_baseline(
            baseline_dataset=self.upload(self.table(), "train/train.csv"),
            dataset_format=model_monitor.DatasetFormat.csv(header=False),
            output_s3_uri=self.address("baseline"),
            wait=True,
            logs=False,
        )
        return monitor, self.uploaded("baseline")

    def test_baseline_is_suggested_and_read_by_the_sdk(self):
        monitor, results = self.baseline()
        statistics, constraints = monitor.baseline_statistics(), monitor.suggested_constraints()
        self.assertEqual(statistics.body_dict, json.loads(results["statistics.json"]))
        self.assertEqual(constraints.body_dict, json.loads(results["constraints.json"]))
        self.assertEqual(statistics.body_dict["dataset"]["item_count"], 2000)
        expected = self.native(
            "analyzer-job",
            {"processing/input/baseline_dataset_input/train.csv": self.folder / "train.csv"},
            {
                "dataset_format": '{"csv": {"header": false, "output_columns_position": "START"}}',
                "dataset_source": f"{PROCESSING}/input/baseline_dataset_input",
                "output_path": f"{PROCESSING}/output",
                "publish_cloudwatch_metrics": "Disabled",
            },
        )
        self.assert_same(results, expected, FILES)
        # What notebooks do with the constraints: switch the checks off, for all or for one column.
        text = next(f["name"] for f in constraints.body_dict["features"] if "string_constraints" in f)
        constraints.set_monitoring(enable_monitoring=False, feature_name=text)
        constraints.set_monitoring(enable_monitoring=False)
        self.assertEqual(constraints.body_dict["monitoring_config"]["evaluate_constraints"], "Disabled")

    def test_recorded_schedule_finds_drift_and_its_violations_are_read_by_the_sdk(self):
        _, baseline = self.baseline()
        for name in FILES:
            (self.folder / name).write_bytes(baseline[name])
        captures = self.folder / "now/captures"
        processor = sdk.Processor(
            role=sdk.ROLE,
            image_uri=ANALYZER_IMAGE,
            instance_count=1,
            instance_type="local",
            sagemaker_session=sdk.local_session(),
            env=RECORDED,
        )
        places = {
            "input_1": (self.upload(captures, "captures"), f"{PROCESSING}/input/endpoint"),
            "baseline": (self.upload(self.folder / FILES[1], "b/statistics.json"), f"{PROCESSING}/baseline/stats"),
            "constraints": (
                self.upload(self.folder / FILES[0], "c/constraints.json"),
                f"{PROCESSING}/baseline/constraints",
            ),
        }
        processor.run(
            inputs=[sdk.processing_input(name, *place) for name, place in places.items()],
            outputs=[sdk.processing_output("result", f"{PROCESSING}/output", self.address("result"))],
            **sdk.RUN,
        )
        results = self.uploaded("result")
        tree = self.folder / "captured"
        shutil.copytree(captures, tree)
        expected = self.native(
            "analyzer-job",
            {
                "processing/input/endpoint": tree,
                "processing/baseline/constraints/constraints.json": baseline["constraints.json"],
                "processing/baseline/stats/statistics.json": baseline["statistics.json"],
            },
            RECORDED,
        )
        self.assert_same(results, expected, [*FILES, "constraint_violations.json"])
        details, alone = (json.loads(found["data_quality_details.json"]) for found in (results, expected))
        # The subject ends with the name of the job, which the program by itself has not.
        self.assertEqual(details.pop("subject")[:-1], alone.pop("subject"))
        self.assertEqual(details, alone)
        session = sdk.local_session()
        read = {
            "statistics.json": model_monitor.Statistics,
            "constraints.json": model_monitor.Constraints,
            "constraint_violations.json": model_monitor.ConstraintViolations,
        }
        for name, kind in read.items():
            found = kind.from_s3_uri(self.address(f"result/{name}"), sagemaker_session=session)
            self.assertEqual(found.body_dict, json.loads(results[name]), name)
        self.assertTrue(any(column["verdict"] == "moved" for column in details["columns"]))
