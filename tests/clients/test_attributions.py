"""Attributions: by the processor, by the monitor's baseline, by a schedule."""

import json
import os
import unittest

import credit
import sdk
from sdk import clarify, model_monitor
from support import CONTAINER_AWS, ROWS, generate
from test_clarify import ClarifyJobs
from test_monitors import MonitorJobs
from test_schedules import ScheduleJobs


class Attributions(ClarifyJobs):
    def test_run_explainability(self):
        self.processor().run_explainability(
            self.data(),
            credit.csv_model(endpoint_name=credit.ENDPOINT),
            credit.shap(self.folder),
            model_scores=1,
            **sdk.RUN,
        )
        analysis = self.results(names=["analysis.json", "explanations_shap/out.csv"])
        (label,) = analysis["explanations"]["kernel_shap"].values()
        self.assertEqual(list(label["global_shap_values"]), self.headers[:-1])
        # The model never looks at the sex; 60 samples leave an error of estimation.
        values = label["global_shap_values"]
        self.assertLess(values["sex"], 0.01 * max(values.values()))

    def test_run_explainability_with_partial_dependence(self):
        pdp = clarify.PDPConfig(features=["income", "housing"], grid_resolution=5)
        self.processor().run_explainability(
            self.data(),
            credit.csv_model(endpoint_name=credit.ENDPOINT),
            [credit.shap(self.folder), pdp],
            model_scores=1,
            **sdk.RUN,
        )
        explanations = self.results()["explanations"]
        self.assertEqual([entry["feature_name"] for entry in explanations["pdp"]], ["income", "housing"])

    def test_run_bias_and_explainability(self):
        label = clarify.ModelPredictedLabelConfig(probability=1, probability_threshold=0.5)
        self.processor().run_bias_and_explainability(
            self.data(),
            credit.csv_model(**credit.shadow()),
            credit.shap(self.folder),
            credit.bias(),
            model_predicted_label_config=label,
            **sdk.RUN,
        )
        analysis = self.results(names=["analysis.json", "explanations_shap/out.csv"])
        for section in ["pre_training_bias_metrics", "post_training_bias_metrics", "explanations"]:
            self.assertIn(section, analysis)


class AttributionMonitors(MonitorJobs):
    def test_explainability_baseline_of_csv(self):
        monitor = self.monitor(model_monitor.ModelExplainabilityMonitor)
        train, (constraints, results) = self.explainability_baseline(monitor)
        config = results.pop("analysis_config.json")
        self.assert_same(results, self.native_analysis(config, train, "train.csv"), ["analysis.json"])
        self.assertIn("kernel_shap", constraints.body_dict["explanations"])

    @unittest.skipUnless(sdk.VERSION == 2, "version 3 has no model cards")
    def test_model_cards_take_metrics_from_analysis_json(self):
        from sagemaker.model_card import evaluation_metric_parsers as parsers
        from sagemaker.model_card.model_card import EvaluationJob

        _, (constraints, _) = self.bias_baseline(self.monitor(model_monitor.ModelBiasMonitor))
        self.prefix += "-attributions"
        monitor = self.monitor(model_monitor.ModelExplainabilityMonitor)
        _, (attributions, _) = self.explainability_baseline(monitor)
        kinds = parsers.EvaluationMetricTypeEnum
        for body, kind in [
            (constraints.body_dict, kinds.CLARIFY_BIAS),
            (attributions.body_dict, kinds.CLARIFY_EXPLAINABILITY),
        ]:
            file = self.folder / "for-card.json"
            file.write_text(json.dumps(body))
            job = EvaluationJob(name="evaluation")
            job.add_metric_group_from_json(str(file), kind)
            self.assertTrue(job.metric_groups)
            if kind is kinds.CLARIFY_BIAS:
                # What the service does not write beside the metrics makes no difference to a card.
                names = {metric.name for group in job.metric_groups for metric in group.metric_data}
                self.assertLessEqual({"AD", "DPPL", "CI", "DPL"}, names)
                self.assertIn("counts", file.read_text())


class AttributionSchedules(ScheduleJobs):
    def test_explainability_schedule(self):
        generate("dataset", self.folder / "train.csv", "--rows", ROWS, "--without-predictions")
        aws = {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": os.environ["MODEL_HOST_URL"]}
        definition = self.schedule(
            self.monitor(model_monitor.ModelExplainabilityMonitor),
            self.baseline("explainability-baseline.json", aws),
            self.folder / "jsonlines/explainability-monitor.json",
            endpoint_input=self.endpoint(inference_attribute="score"),
        )
        secrets = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        captures = self.folder / "captures" / credit.ENDPOINT / "AllTraffic/2024/05/01/00"
        message, results, metrics = self.replay(
            definition, "ModelExplainability", captures, CONTAINER_AWS | secrets
        )
        self.assertRegex(message, "^Completed(WithViolations)?: ")
        (label,) = json.loads(results["analysis.json"])["explanations"]["kernel_shap"].values()
        self.assertIn("feature_income", {line["MetricName"] for line in metrics})
        self.assertEqual(
            {line["MetricName"].removeprefix("feature_") for line in metrics} - {"ExpectedValue"},
            set(label["global_shap_values"]),
        )
