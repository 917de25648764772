"""Monitoring schedules: what the SDK asks the service to run, replayed into the image as the service would start it.

The service itself has no local mode, so the mock service keeps the job definition and these tests stand for the
rest: a tree of inputs at the paths of the definition, and the published environment variables.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import boto3

import credit
import sdk
from sdk import model_monitor
from support import ANALYZER_IMAGE, PREDICTED, ROWS, Jobs, contents, generate

SCHEDULE = "hourly-check"
START, END = "2024-05-01T00:00:00Z", "2024-05-01T06:00:00Z"


def accept_schedules(client):
    """The mock service knows job definitions but not schedules: answer those calls as the service would."""

    class Answered:
        status_code, headers = 200, {}

    def answer(model, params, **_):
        return Answered(), {"MonitoringScheduleArn": f"arn:aws:sagemaker:us-east-1:000000000000:schedule/{SCHEDULE}"}

    client.meta.events.register("before-call.sagemaker.CreateMonitoringSchedule", answer)


class ScheduleJobs(Jobs):
    def setUp(self):
        super().setUp()
        generate("dataset", self.folder / "train.csv", "--rows", ROWS)
        generate("traffic", self.folder, "--rows", 600, "--drift", 1)
        generate("configs", self.folder / "csv", "--format", "csv")
        generate("configs", self.folder / "jsonlines", "--format", "jsonlines")

    def monitor(self, kind):
        session = sdk.cloud_session()
        accept_schedules(session.sagemaker_client)
        monitor = kind(role=sdk.ROLE, sagemaker_session=session)
        monitor.image_uri = ANALYZER_IMAGE
        return monitor

    def endpoint(self, **attributes):
        return model_monitor.EndpointInput(
            endpoint_name=credit.ENDPOINT,
            destination="/opt/ml/processing/input/endpoint",
            features_attribute="features",
            start_time_offset="-PT1H",
            end_time_offset="-PT0H",
            **attributes,
        )

    def schedule(self, monitor, baseline, config, **inputs):
        """Makes the schedule and returns the job definition that the service keeps."""
        monitor.create_monitoring_schedule(
            analysis_config=self.upload(config, "analysis_config.json"),
            constraints=self.upload_bytes(baseline, "baseline/analysis.json"),
            output_s3_uri=self.address("results"),
            monitor_schedule_name=f"{SCHEDULE}-{monitor.monitoring_type().lower()}",
            schedule_cron_expression=model_monitor.CronExpressionGenerator.hourly(),
            enable_cloudwatch_metrics=True,
            **inputs,
        )
        client = boto3.client("sagemaker")
        describe = {
            "ModelBias": client.describe_model_bias_job_definition,
            "ModelExplainability": client.describe_model_explainability_job_definition,
        }[monitor.monitoring_type()]
        return describe(JobDefinitionName=monitor.job_definition_name)

    def upload_bytes(self, content, path):
        file = self.folder / "upload"
        file.write_bytes(content)
        return self.upload(file, path)

    def replay(self, definition, kind, data, more=()):
        """Starts the definition's image as the service would; returns exit message, outputs and metric lines."""
        application = definition[f"{kind}AppSpecification"]
        endpoint = definition[f"{kind}JobInput"]["EndpointInput"]
        output = definition[f"{kind}JobOutputConfig"]["MonitoringOutputs"][0]["S3Output"]["LocalPath"]
        base = Path(tempfile.mkdtemp(dir=self.folder))
        inside = lambda path: base / Path(path).relative_to("/opt/ml")
        read = lambda uri: self.s3.get_object(Bucket=sdk.BUCKET, Key=uri.split("/", 3)[3])["Body"].read()

        local = endpoint["LocalPath"]
        inside(local).parent.mkdir(parents=True)
        subprocess.run(["cp", "-r", data, inside(local)], check=True)
        for path, uri in {
            "processing/input/config/analysis_config.json": application["ConfigUri"],
            "processing/baseline/constraints/analysis.json": definition[f"{kind}BaselineConfig"][
                "ConstraintsResource"
            ]["S3Uri"],
        }.items():
            (base / path).parent.mkdir(parents=True)
            (base / path).write_bytes(read(uri))
        environment = {
            "analysis_type": {"ModelBias": "MODEL_BIAS", "ModelExplainability": "MODEL_EXPLAINABILITY"}[kind],
            "baseline_constraints": "/opt/ml/processing/baseline/constraints/analysis.json",
            "dataset_format": '{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}',
            "dataset_source": local,
            "start_time": START,
            "end_time": END,
            "metric_time": START,
            "monitoring_input_type": "ENDPOINT_INPUT",
            "output_path": output,
            "sagemaker_endpoint_name": endpoint["EndpointName"],
            "sagemaker_monitoring_schedule_name": SCHEDULE,
        }
        for ours, theirs in {
            "features_attribute": "FeaturesAttribute",
            "inference_attribute": "InferenceAttribute",
            "probability_attribute": "ProbabilityAttribute",
            "probability_threshold_attribute": "ProbabilityThresholdAttribute",
        }.items():
            if theirs in endpoint:
                environment[ours] = str(endpoint[theirs])
        environment |= application["Environment"] | dict(more)
        inside(output).mkdir(parents=True)
        (base / "config").mkdir()
        (base / "output").mkdir()
        job = {"ProcessingJobName": "monitoring-202405010000-0", "Environment": environment}
        (base / "config/processingjobconfig.json").write_text(json.dumps(job))
        variables = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
        user = f"{os.getuid()}:{os.getgid()}"
        command = ["docker", "run", "--rm", "--network", "sagemaker-local", "--user", user]
        command += ["--volume", f"{base}:/opt/ml", *variables, application["ImageUri"]]
        done = subprocess.run(command, capture_output=True, text=True)
        message = (base / "output/message").read_text()
        self.assertEqual(done.returncode, 0, message)
        lines = (base / "output/metrics/cloudwatch/cloudwatch_metrics.jsonl").read_text().splitlines()
        return message, contents(inside(output)), [json.loads(line) for line in lines]

    def baseline(self, name, environment=()):
        inputs = {
            "processing/input/config/analysis_config.json": self.folder / "csv" / name,
            "processing/input/data/train.csv": self.folder / "train.csv",
        }
        return self.native("analyzer-job", inputs, environment)["analysis.json"]


class Schedules(ScheduleJobs):
    def test_bias_schedule(self):
        merged = self.native(
            "merge-job",
            {
                "processing/input_data": self.folder / "captures",
                "processing/groundtruth": self.folder / "ground-truth",
            },
        )
        for name, content in merged.items():
            (self.folder / "merged" / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "merged" / name).write_bytes(content)
        definition = self.schedule(
            self.monitor(model_monitor.ModelBiasMonitor),
            self.baseline("bias-baseline.json"),
            self.folder / "jsonlines/bias-monitor.json",
            endpoint_input=self.endpoint(inference_attribute=PREDICTED),
            ground_truth_input=self.address("labels"),
        )
        message, results, metrics = self.replay(definition, "ModelBias", self.folder / "merged")
        self.assertRegex(message, "^CompletedWithViolations: ")
        self.assertTrue(json.loads(results["constraint_violations.json"])["violations"])
        self.assertIn("bias_metric_DPPL", {line["MetricName"] for line in metrics})
        for line in metrics:
            dimensions = {entry["Name"]: entry["Value"] for entry in line["Dimensions"]}
            self.assertEqual(dimensions["MonitoringSchedule"], SCHEDULE)
            self.assertEqual(dimensions["Endpoint"], credit.ENDPOINT)
            self.assertEqual(line["Timestamp"], START)
