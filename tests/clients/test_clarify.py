"""SageMakerClarifyProcessor with its image replaced, in both ways that leave the user's code as it is."""

import json
import os
import subprocess

import credit
import sdk
from sdk import clarify
from support import ANALYZER_IMAGE, CONTAINER_AWS, FACET, LABEL, ROWS, Jobs, csv_rows, generate, metric


class ClarifyJobs(Jobs):
    def setUp(self):
        super().setUp()
        self.csv = self.folder / "train.csv"
        generate("dataset", self.csv, "--rows", ROWS, "--without-predictions")
        self.headers = credit.columns(self.csv)

    def processor(self, image=ANALYZER_IMAGE, region=None):
        processor = clarify.SageMakerClarifyProcessor(
            role=sdk.ROLE,
            instance_count=1,
            instance_type="local",
            sagemaker_session=sdk.local_session(region),
            env=CONTAINER_AWS,
        )
        if image:
            processor.image_uri = image
        return processor

    def data(self):
        return credit.csv_data(self.upload(self.csv, "train.csv"), self.address("out"), self.headers)

    def results(self, data_file=None, names=("analysis.json",)):
        """Results of the job, after they were found to be those of the program."""
        data_file = data_file or self.csv
        results = self.uploaded("out")
        expected = self.native_analysis(results.pop("analysis_config.json"), data_file, data_file.name)
        self.assert_same(results, expected, names)
        self.assertEqual(sorted(results), sorted(expected))
        return json.loads(results["analysis.json"])


class Clarify(ClarifyJobs):
    def test_run_pre_training_bias(self):
        self.processor().run_pre_training_bias(self.data(), credit.bias(), methods="all", **sdk.RUN)
        analysis = self.results()
        # By hand, from the rows: class imbalance and difference in proportions of labels.
        rows = csv_rows(self.csv)
        facet = [row for row in rows if row[FACET[0]] == FACET[1]]
        others = [row for row in rows if row[FACET[0]] != FACET[1]]
        share = lambda group: sum(row[LABEL] == "1" for row in group) / len(group)
        imbalance = (len(others) - len(facet)) / len(rows)
        self.assertAlmostEqual(metric(analysis, "pre_training_bias_metrics", "CI"), imbalance, 12)
        self.assertAlmostEqual(metric(analysis, "pre_training_bias_metrics", "DPL"), share(others) - share(facet), 12)
        self.assertNotIn("post_training_bias_metrics", analysis)

    def test_run_post_training_bias(self):
        model = credit.csv_model(endpoint_name=credit.ENDPOINT)
        self.processor().run_post_training_bias(
            self.data(), credit.bias(), model, credit.csv_label(), methods=["DPPL", "DI", "FT"], **sdk.RUN
        )
        analysis = self.results()
        self.assertGreater(metric(analysis, "post_training_bias_metrics", "DPPL"), 0)
        self.assertNotIn("pre_training_bias_metrics", analysis)

    def test_run_bias_with_an_endpoint_of_its_own(self):
        self.processor().run_bias(
            self.data(), credit.bias(), credit.csv_model(**credit.shadow()), credit.csv_label(), **sdk.RUN
        )
        analysis = self.results()
        self.assertIn("pre_training_bias_metrics", analysis)
        self.assertIn("post_training_bias_metrics", analysis)

    def test_json_lines(self):
        lines = self.folder / "train.jsonl"
        generate("dataset", lines, "--rows", ROWS, "--without-predictions", "--format", "jsonlines")
        data = credit.lines_data(self.upload(lines, "train.jsonl"), self.address("out"), self.headers)
        model = credit.lines_model(endpoint_name=credit.ENDPOINT)
        self.processor().run_bias(data, credit.bias(), model, credit.lines_label(), **sdk.RUN)
        of_lines = self.results(lines)
        # The same rows as CSV give the same numbers.
        self.prefix += "-csv"
        model = credit.csv_model(endpoint_name=credit.ENDPOINT)
        self.processor().run_bias(self.data(), credit.bias(), model, credit.csv_label(), **sdk.RUN)
        self.assertEqual(of_lines, self.results())

    def test_not_a_line_changes_when_the_image_bears_the_service_s_name(self):
        # The name holds the region; both versions of the SDK are tested at once.
        region = {2: "us-east-1", 3: "us-west-2"}[sdk.VERSION]
        name = sdk.image_uris.retrieve("clarify", region)
        found = subprocess.run(["docker", "image", "inspect", name], capture_output=True)
        if found.returncode == 0:
            self.skipTest(f"{name} is on this machine")
        with open(os.environ["IMAGE_NAMES"], "a") as names:
            names.write(name + "\n")
        subprocess.run(["docker", "tag", ANALYZER_IMAGE, name], check=True)
        processor = self.processor(image=None, region=region)
        self.assertEqual(processor.image_uri, name)
        processor.run_pre_training_bias(self.data(), credit.bias(), methods=["CI"], **sdk.RUN)
        self.results()

    def test_a_failed_job_raises_in_the_client(self):
        wrong = clarify.BiasConfig(label_values_or_threshold=[1], facet_name="shoe_size")
        with self.assertRaisesRegex(RuntimeError, "exited with code: [1-9]"):
            self.processor().run_pre_training_bias(self.data(), wrong, **sdk.RUN)
        self.assertNotIn("analysis.json", self.uploaded("out"))
