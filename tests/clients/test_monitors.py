"""Baselines of the two monitors, as notebooks call them, and the SDK's own readers on what the jobs wrote."""

import json

import credit
import sdk
from sdk import model_monitor
from support import ANALYZER_IMAGE, CONTAINER_AWS, FACET, PREDICTED, ROWS, Jobs, generate, metric


class MonitorJobs(Jobs):
    def monitor(self, kind):
        monitor = kind(
            role=sdk.ROLE,
            instance_count=1,
            instance_type="local",
            sagemaker_session=sdk.local_session(),
            env=CONTAINER_AWS,
        )
        monitor.image_uri = ANALYZER_IMAGE
        return monitor

    def suggest(self, monitor, **configs):
        """The baseline's constraints as the SDK reads them, and what the job wrote."""
        if sdk.VERSION == 2:
            monitor.suggest_baseline(**configs)
            constraints = monitor.suggested_constraints()
        else:
            # Version 3 asks its job for an attribute that it lacks, after the job is done.
            with self.assertRaisesRegex(AttributeError, "sagemaker_session"):
                monitor.suggest_baseline(**configs)
            constraints = model_monitor.Constraints.from_s3_uri(
                self.address("out/analysis.json"), sagemaker_session=sdk.local_session()
            )
        results = self.uploaded("out")
        self.assertEqual(constraints.body_dict, json.loads(results["analysis.json"]))
        return constraints, results

    def bias_baseline(self, monitor):
        lines = self.folder / "train.jsonl"
        generate("dataset", lines, "--rows", ROWS, "--without-predictions", "--format", "jsonlines")
        generate("dataset", self.folder / "train.csv", "--rows", 1, "--without-predictions")
        headers = credit.columns(self.folder / "train.csv")
        return lines, self.suggest(
            monitor,
            data_config=credit.lines_data(self.upload(lines, "train.jsonl"), self.address("out"), headers),
            bias_config=credit.bias(),
            model_config=credit.lines_model(endpoint_name=credit.ENDPOINT),
            model_predicted_label_config=credit.lines_label(),
        )

    def explainability_baseline(self, monitor):
        train = self.folder / "train.csv"
        generate("dataset", train, "--rows", ROWS, "--without-predictions")
        return train, self.suggest(
            monitor,
            data_config=credit.csv_data(
                self.upload(train, "train.csv"), self.address("out"), credit.columns(train)
            ),
            model_config=credit.csv_model(**credit.shadow()),
            explainability_config=credit.shap(self.folder),
            model_scores=1,
        )

    def merge(self):
        merged = self.native(
            "merge-job",
            {
                "processing/input_data": self.folder / "captures",
                "processing/groundtruth": self.folder / "ground-truth",
            },
        )
        folder = self.folder / "merged"
        for name, content in merged.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    def monitored(self, merged, constraints):
        """Merged traffic against a baseline, by the job in local mode; the same as by the program."""
        environment = {
            "analysis_type": "MODEL_BIAS",
            "features_attribute": "features",
            "inference_attribute": PREDICTED,
            "baseline_constraints": "/opt/ml/processing/baseline/constraints/analysis.json",
        }
        config = self.folder / "configs/bias-monitor.json"
        baseline = json.dumps(constraints.body_dict).encode()
        (self.folder / "analysis.json").write_bytes(baseline)
        processor = sdk.Processor(
            role=sdk.ROLE,
            image_uri=ANALYZER_IMAGE,
            instance_count=1,
            instance_type="local",
            sagemaker_session=sdk.local_session(),
            env=environment,
        )
        places = {
            "endpoint_input_1": (self.upload(merged, "merged"), "/opt/ml/processing/input_data"),
            "analysis_config": (
                self.upload(config, "config/analysis_config.json"),
                "/opt/ml/processing/input/config",
            ),
            "constraints": (
                self.upload(self.folder / "analysis.json", "baseline/analysis.json"),
                "/opt/ml/processing/baseline/constraints",
            ),
        }
        processor.run(
            inputs=[sdk.processing_input(name, *place) for name, place in places.items()],
            outputs=[sdk.processing_output("result", "/opt/ml/processing/output", self.address("results"))],
            **sdk.RUN,
        )
        results = self.uploaded("results")
        expected = self.native(
            "analyzer-job",
            {
                "processing/input_data": merged,
                "processing/input/config/analysis_config.json": config,
                "processing/baseline/constraints/analysis.json": baseline,
            },
            environment,
        )
        self.assert_same(results, expected, ["analysis.json", "constraint_violations.json"])
        return results


class Monitors(MonitorJobs):
    def test_bias_baseline_of_json_lines(self):
        lines, (constraints, results) = self.bias_baseline(self.monitor(model_monitor.ModelBiasMonitor))
        config = results.pop("analysis_config.json")
        self.assert_same(results, self.native_analysis(config, lines, "train.jsonl"), ["analysis.json"])
        self.assertIsNotNone(metric(constraints.body_dict, "post_training_bias_metrics", "DPPL"))
        # The counts that a check needs to tell a change from chance go along.
        (entry,) = constraints.body_dict["post_training_bias_metrics"]["facets"][FACET[0]]
        counts = entry["counts"]
        self.assertEqual(sum(counts["group"]) + sum(counts["rest"]), ROWS)

    def test_violations_are_read_by_the_sdk(self):
        monitor = self.monitor(model_monitor.ModelBiasMonitor)
        _, (constraints, _) = self.bias_baseline(monitor)
        generate("traffic", self.folder, "--rows", 600, "--drift", 1)
        generate("configs", self.folder / "configs", "--format", "jsonlines")
        merged = self.merge()
        violated = self.monitored(merged, constraints)
        self.s3.put_object(
            Bucket=sdk.BUCKET,
            Key=f"{self.prefix}/monitored/constraint_violations.json",
            Body=violated["constraint_violations.json"],
        )
        read = model_monitor.ConstraintViolations.from_s3_uri(
            self.address("monitored/constraint_violations.json"), sagemaker_session=sdk.local_session()
        )
        violations = read.body_dict["violations"]
        self.assertTrue(violations)
        for violation in violations:
            self.assertEqual(violation["constraint_check_type"], "bias_drift_check")
