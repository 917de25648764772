"""The Python of docs/ runs as written, with names of the reader's own, against the mock service.

Blocks that leave something out (`...`) are only compiled.
"""

import re
import unittest
import unittest.mock
from pathlib import Path

import boto3

import credit
import sdk
from support import ANALYZER_IMAGE, MERGE_IMAGE, Jobs, generate
from test_schedules import accept_schedules

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@unittest.skipUnless(sdk.VERSION == 2, "the pages show version 2")
class Pages(Jobs):
    def setUp(self):
        super().setUp()
        from sagemaker import model_monitor
        from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor

        csv = self.folder / "train.csv"
        generate("dataset", csv, "--rows", 20, "--without-predictions")
        (self.folder / "analysis.json").write_text("{}")
        self.upload(self.folder / "analysis.json", "baseline/analysis.json")
        self.session = sdk.cloud_session()
        accept_schedules(self.session.sagemaker_client)
        # Jobs of the mock service are done at once and have no logs to wait for.
        waiting = unittest.mock.patch.object(sdk.Session, "logs_for_processing_job")
        waiting.start()
        self.addCleanup(waiting.stop)
        self.names = {
            name: self.address(name)
            for name in ["capture", "ground_truth", "merged", "config", "baseline", "output"]
        }
        self.names |= {
            "MERGE": MERGE_IMAGE,
            "ANALYZER": ANALYZER_IMAGE,
            "role": sdk.ROLE,
            "session": self.session,
            "boto3": boto3,
            "endpoint": credit.ENDPOINT,
            "monitor_config": self.address("analysis_config.json"),
            "baseline_analysis_json": self.address("baseline/analysis.json"),
            "data_config": credit.csv_data(self.address("train.csv"), self.address("out"), credit.columns(csv)),
            "bias_config": credit.bias(),
            "model_config": credit.csv_model(endpoint_name=credit.ENDPOINT),
            "model_predicted_label_config": credit.csv_label(),
            "ModelBiasMonitor": model_monitor.ModelBiasMonitor,
            "EndpointInput": model_monitor.EndpointInput,
            "CronExpressionGenerator": model_monitor.CronExpressionGenerator,
            "Processor": Processor,
            "ProcessingInput": ProcessingInput,
            "ProcessingOutput": ProcessingOutput,
        }

    def read(self, page):
        blocks = BLOCK.findall((DOCS / page).read_text())
        self.assertTrue(blocks)
        for block in blocks:
            code = compile(block, page, "exec")
            if "..." not in block:
                exec(code, self.names)

    def jobs(self):
        client = boto3.client("sagemaker")
        names = [job["ProcessingJobName"] for job in client.list_processing_jobs()["ProcessingJobSummaries"]]
        return [client.describe_processing_job(ProcessingJobName=name) for name in names]

    def test_processing_job(self):
        self.read("processing-job.md")
        images = {job["AppSpecification"]["ImageUri"] for job in self.jobs()}
        self.assertLessEqual({MERGE_IMAGE, ANALYZER_IMAGE}, images)

    def test_schedule(self):
        self.read("schedule.md")
        name = self.names["monitor"].job_definition_name
        definition = boto3.client("sagemaker").describe_model_bias_job_definition(JobDefinitionName=name)
        self.assertEqual(definition["ModelBiasAppSpecification"]["ImageUri"], ANALYZER_IMAGE)

    def test_pipeline(self):
        from sagemaker.workflow.pipeline_context import PipelineSession

        session = PipelineSession(boto3.Session(), default_bucket=sdk.BUCKET)
        job = {"role": sdk.ROLE, "instance_count": 1, "instance_type": "ml.t3.medium", "sagemaker_session": session}
        self.names["merge"] = sdk.Processor(image_uri=MERGE_IMAGE, **job)
        self.names["analyzer"] = sdk.Processor(image_uri=ANALYZER_IMAGE, **job)
        source = self.address("capture")
        self.names["merge_inputs"] = [sdk.processing_input("in", source, "/opt/ml/processing/input_data")]
        result = sdk.processing_output("result", "/opt/ml/processing/output", self.address("merged"))
        self.names["merge_outputs"] = [result]
        self.read("pipeline.md")
        pipeline = boto3.client("sagemaker").describe_pipeline(PipelineName="bias-monitor")
        for image in [MERGE_IMAGE, ANALYZER_IMAGE]:
            self.assertIn(image, pipeline["PipelineDefinition"])
