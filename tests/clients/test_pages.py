"""The Python of docs/ runs as written, with names of the reader's own, against the mock service.

Blocks that leave something out (`...`) are only compiled. Each version of the SDK runs what is written for it:
version 3 the section of that name.
"""

import json
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
BLOCK = re.compile(r"^```(python|json)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^## SDK v3$.*?(?=^## )", re.MULTILINE | re.DOTALL)


class PageJobs(Jobs):
    """The names that readers have, and the mock service, whose jobs are done at once."""

    def setUp(self):
        super().setUp()
        csv = self.folder / "train.csv"
        generate("dataset", csv, "--rows", 20, "--without-predictions")
        (self.folder / "analysis.json").write_text("{}")
        self.upload(self.folder / "analysis.json", "baseline/analysis.json")
        self.session = sdk.cloud_session()
        self.names = {
            name: self.address(name)
            for name in ["capture", "ground_truth", "merged", "config", "baseline", "output"]
        }
        self.names |= {
            "MERGE": MERGE_IMAGE,
            "ANALYZER": ANALYZER_IMAGE,
            "role": sdk.ROLE,
            "scheduler_role": sdk.ROLE,
            "session": self.session,
            "boto3": boto3,
            "endpoint": credit.ENDPOINT,
            "monitor_config": self.address("analysis_config.json"),
            "baseline_analysis_json": self.address("baseline/analysis.json"),
            "data_config": credit.csv_data(self.address("train.csv"), self.address("out"), credit.columns(csv)),
            "bias_config": credit.bias(),
            "model_config": credit.csv_model(endpoint_name=credit.ENDPOINT),
            "model_predicted_label_config": credit.csv_label(),
        }

    def read(self, text):
        """Runs the Python of a page, and returns its JSON."""
        documents = []
        blocks = BLOCK.findall(text)
        self.assertTrue(blocks)
        for kind, block in blocks:
            if kind == "json":
                documents.append(json.loads(block))
                continue
            code = compile(block, "page", "exec")
            if "..." not in block:
                exec(code, self.names)
        return documents

    def jobs(self):
        client = boto3.client("sagemaker")
        names = [job["ProcessingJobName"] for job in client.list_processing_jobs()["ProcessingJobSummaries"]]
        return [client.describe_processing_job(ProcessingJobName=name) for name in names]

    def images(self):
        return {job["AppSpecification"]["ImageUri"] for job in self.jobs()}


@unittest.skipUnless(sdk.VERSION == 2, "all other sections show version 2")
class Pages(PageJobs):
    def setUp(self):
        super().setUp()
        from sagemaker import model_monitor
        from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor

        for name in [ProcessingInput, ProcessingOutput, Processor]:
            self.names[name.__name__] = name
        for name in ["ModelBiasMonitor", "EndpointInput", "CronExpressionGenerator"]:
            self.names[name] = getattr(model_monitor, name)
        accept_schedules(self.session.sagemaker_client)
        # The mock service has no logs to wait for.
        waiting = unittest.mock.patch.object(sdk.Session, "logs_for_processing_job")
        waiting.start()
        self.addCleanup(waiting.stop)

    def test_processing_job(self):
        (of_cli,) = self.read(SECTION.sub("", (DOCS / "processing-job.md").read_text()))
        self.assertLessEqual({MERGE_IMAGE, ANALYZER_IMAGE}, self.images())
        # The request for the AWS CLI is one that the API takes.
        boto3.client("sagemaker").create_processing_job(**of_cli)
        target = boto3.client("scheduler").get_schedule(Name="bias-monitor")["Target"]
        request = json.loads(target["Input"])
        self.assertEqual(request["AppSpecification"]["ImageUri"], ANALYZER_IMAGE)
        request["ProcessingJobName"] = "bias-of-the-hour"
        boto3.client("sagemaker").create_processing_job(**request)

    def test_schedule(self):
        self.read((DOCS / "schedule.md").read_text())
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
        self.read((DOCS / "pipeline.md").read_text())
        pipeline = boto3.client("sagemaker").describe_pipeline(PipelineName="bias-monitor")
        for image in [MERGE_IMAGE, ANALYZER_IMAGE]:
            self.assertIn(image, pipeline["PipelineDefinition"])


@unittest.skipUnless(sdk.VERSION == 3, "a section on version 3")
class PagesOfVersion3(PageJobs):
    def setUp(self):
        super().setUp()
        waiting = unittest.mock.patch("sagemaker.core.processing.logs_for_processing_job")
        waiting.start()
        self.addCleanup(waiting.stop)

    def test_processing_job(self):
        (section,) = SECTION.findall((DOCS / "processing-job.md").read_text())
        self.read(section)
        self.assertLessEqual({MERGE_IMAGE, ANALYZER_IMAGE}, self.images())
