"""The model quality monitor, as notebooks and schedules start it, and the SDK's own readers on what the jobs wrote."""

import json
import unittest

import sdk
from sdk import model_monitor
from support import ANALYZER_IMAGE, LABEL, PREDICTED, Jobs, generate

FILES = ["constraints.json", "statistics.json"]
PROCESSING = "/opt/ml/processing"
PROBLEM = "BinaryClassification"

# As the service set it for a schedule in 2024, without an attribute of the label; times and the positions of prediction and
# score are those of the generated traffic.
RECORDED = {
    "analysis_type": "MODEL_QUALITY",
    "baseline_constraints": f"{PROCESSING}/baseline/constraints/constraints.json",
    "dataset_format": '{"sagemakerMergeJson":{"captureIndexNames":["endpointOutput"],"originalDatasetFormat":null}}',
    "dataset_source": f"{PROCESSING}/input_data",
    "end_time": "2024-05-01T06:00:00Z",
    "inference_attribute": "0",
    "metric_time": "2024-05-01T00:00:00Z",
    "monitoring_input_type": "ENDPOINT_INPUT",
    "output_path": f"{PROCESSING}/output",
    "probability_attribute": "1",
    "probability_threshold_attribute": "0.500000",
    "problem_type": PROBLEM,
    "publish_cloudwatch_metrics": "Enabled",
    "sagemaker_endpoint_name": "credit",
    "sagemaker_monitoring_schedule_name": "hourly-check",
    "start_time": "2024-05-01T00:00:00Z",
}


@unittest.skipIf(sdk.VERSION != 2, "version 3 asks its baseline job for an attribute that it lacks")
class ModelQuality(Jobs):
    def baseline(self):
        train = self.folder / "train.csv"
        generate("dataset", train, "--rows", 2000)
        monitor = model_monitor.ModelQualityMonitor(
            role=sdk.ROLE, instance_count=1, instance_type="local", sagemaker_session=sdk.local_session()
        )
        monitor.image_uri = ANALYZER_IMAGE
        monitor.suggest_baseline(
            baseline_dataset=self.upload(train, "train/train.csv"),
            dataset_format=model_monitor.DatasetFormat.csv(header=True),
            problem_type=PROBLEM,
            inference_attribute=PREDICTED,
            probability_attribute="score",
            ground_truth_attribute=LABEL,
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
        measured = statistics.body_dict["binary_classification_metrics"]
        threshold = constraints.body_dict["binary_classification_constraints"]["auc"]["threshold"]
        self.assertEqual(threshold, measured["auc"]["value"])
        expected = self.native(
            "analyzer-job",
            {"processing/input/baseline_dataset_input/train.csv": self.folder / "train.csv"},
            {
                "analysis_type": "MODEL_QUALITY",
                "dataset_format": '{"csv": {"header": true, "output_columns_position": "START"}}',
                "dataset_source": f"{PROCESSING}/input/baseline_dataset_input",
                "ground_truth_attribute": LABEL,
                "inference_attribute": PREDICTED,
                "output_path": f"{PROCESSING}/output",
                "probability_attribute": "score",
                "problem_type": PROBLEM,
                "publish_cloudwatch_metrics": "Disabled",
            },
        )
        self.assert_same(results, expected, FILES)

    def merged(self):
        generate("traffic", self.folder, "--payload", "csv", "--rows", 2000, "--drift", 1)
        inputs = {
            "processing/input_data": self.folder / "captures",
            "processing/groundtruth": self.folder / "ground-truth",
        }
        for name, content in self.native("merge-job", inputs).items():
            (self.folder / "merged" / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "merged" / name).write_bytes(content)
        return self.folder / "merged"

    def test_recorded_schedule_finds_violations_and_they_are_read_by_the_sdk(self):
        _, baseline = self.baseline()
        constraints = self.folder / "constraints.json"
        # A threshold that cannot be reached, so that there is a violation whatever the traffic is.
        asked = json.loads(baseline["constraints.json"])
        asked["binary_classification_constraints"]["auc"]["threshold"] = 1.0
        constraints.write_text(json.dumps(asked))
        merged = self.merged()
        processor = sdk.Processor(
            role=sdk.ROLE,
            image_uri=ANALYZER_IMAGE,
            instance_count=1,
            instance_type="local",
            sagemaker_session=sdk.local_session(),
            env=RECORDED,
        )
        places = {
            "endpoint_input_1": (self.upload(merged, "merged"), f"{PROCESSING}/input_data"),
            "constraints": (
                self.upload(constraints, "c/constraints.json"),
                f"{PROCESSING}/baseline/constraints",
            ),
        }
        processor.run(
            inputs=[sdk.processing_input(name, *place) for name, place in places.items()],
            outputs=[sdk.processing_output("result", f"{PROCESSING}/output", self.address("result"))],
            **sdk.RUN,
        )
        results = self.uploaded("result")
        expected = self.native(
            "analyzer-job",
            {
                "processing/input_data": merged,
                "processing/baseline/constraints/constraints.json": constraints,
            },
            RECORDED,
        )
        self.assert_same(results, expected, [*FILES, "constraint_violations.json"])
        session = sdk.local_session()
        read = {
            "statistics.json": model_monitor.Statistics,
            "constraints.json": model_monitor.Constraints,
            "constraint_violations.json": model_monitor.ConstraintViolations,
        }
        for name, kind in read.items():
            found = kind.from_s3_uri(self.address(f"result/{name}"), sagemaker_session=session)
            self.assertEqual(found.body_dict, json.loads(results[name]), name)
        violations = json.loads(results["constraint_violations.json"])["violations"]
        self.assertEqual(violations[0]["metric_name"], "auc")
        self.assertEqual(violations[0]["constraint_check_type"], "LessThanThreshold")
