# %% [markdown]
# # Monitor bias and attributions of an endpoint: CSV
#
# A model decides on small loans from fourteen columns; its answer is `label,score`. Two monitors watch it: one asks whether
# women and men are treated alike, one whether the model still looks at the same columns. Both start from
# the training data.

# %%
import json
import logging
import os
from pathlib import Path

import boto3
from sagemaker.clarify import (
    BiasConfig,
    DataConfig,
    ModelConfig,
    ModelPredictedLabelConfig,
    SHAPConfig,
)
from sagemaker.local import LocalSession
from sagemaker.model_monitor import ModelBiasMonitor, ModelExplainabilityMonitor
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
from sagemaker.s3 import S3Downloader, S3Uploader

bucket = os.environ["BUCKET"]
role = os.environ["ROLE"]
session = LocalSession(boto3.Session(), default_bucket=bucket)
data = Path(os.environ["DATA"])
results = Path(os.environ["RESULTS"])
logging.getLogger("sagemaker").setLevel(logging.WARNING)

# Local jobs find the endpoint here; in AWS they find it by themselves.
MODEL = {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": os.environ["MODEL_URL"]}
JOB = {"role": role, "instance_count": 1, "instance_type": "local", "sagemaker_session": session}

# %% [markdown]
# ## Baselines
#
# Metrics of bias are cheap and take all rows. Attributions ask the model many times about each row, so they take the first 100.

# %%
rows = (data / "train").read_text().splitlines(keepends=True)
(data / "train-100").write_text("".join(rows[:101]))
headers = rows[0].strip().split(",")


def upload(name):
    return S3Uploader.upload(str(data / name), f"s3://{bucket}/data/{name}", sagemaker_session=session)


def dataset(name, output):
    return DataConfig(
        s3_data_input_path=upload(name),
        s3_output_path=f"s3://{bucket}/{output}",
        headers=headers,
        label="repaid",
        dataset_type="text/csv",
    )


model = ModelConfig(endpoint_name="credit-endpoint", content_type="text/csv", accept_type="text/csv")
facet = {"name_or_index": "sex", "value_or_threshold": ["female"]}
typical = [42, "male", 45.0, 8.0, "rent", 1, 0.32, 4, 1, 0.42, 14.0, 18.0, 36, "car"]

bias_monitor = ModelBiasMonitor(**JOB, env=MODEL)
bias_monitor.image_uri = os.environ["ANALYZER_IMAGE"]  # the one line that is new
bias_monitor.suggest_baseline(
    data_config=dataset("train", "bias-baseline"),
    bias_config=BiasConfig(
        label_values_or_threshold=[1],
        facet_name=facet["name_or_index"],
        facet_values_or_threshold=facet["value_or_threshold"],
    ),
    model_config=model,
    model_predicted_label_config=ModelPredictedLabelConfig(label=0),
)

attribution_monitor = ModelExplainabilityMonitor(**JOB, env=MODEL)
attribution_monitor.image_uri = os.environ["ANALYZER_IMAGE"]
shap = SHAPConfig(baseline=[typical], num_samples=100, agg_method="mean_abs", seed=1)
attribution_monitor.suggest_baseline(
    data_config=dataset("train-100", "attributions-baseline"),
    explainability_config=shap,
    model_config=model,
    model_scores=1,
)


# %%
def show_attributions(analysis):
    for name, values in analysis["explanations"]["kernel_shap"].items():
        print(name)
        ranked = sorted(values["global_shap_values"].items(), key=lambda item: -item[1])
        for feature, value in ranked[:5]:
            print(f"  {feature:18} {value:.4f}")


show_attributions(attribution_monitor.suggested_constraints().body_dict)

# %% [markdown]
# ## A day of requests
#
# One job each: the merge of captured requests with their labels, the bias of what was merged, and the attributions of the
# captured requests of one hour.

# %%
captures, labels = upload("captures"), upload("ground-truth")


def start(image, inputs, output, **environment):
    """Runs a processing job; `inputs` are addresses by the path they get in the container."""
    Processor(image_uri=image, **JOB, env=environment).run(
        inputs=[
            ProcessingInput(input_name=Path(path).name, source=source, destination=path)
            for path, source in inputs.items()
        ],
        outputs=[
            ProcessingOutput(
                output_name="result",
                source="/opt/ml/processing/output",
                destination=f"s3://{bucket}/{output}",
            )
        ],
    )


def config(name, content):
    address = f"s3://{bucket}/{name}/analysis_config.json"
    return S3Uploader.upload_string_as_file_body(json.dumps(content), address, sagemaker_session=session)


start(
    os.environ["MERGE_IMAGE"],
    {"/opt/ml/processing/input_data": f"{captures}/", "/opt/ml/processing/groundtruth": f"{labels}/"},
    "merged",
)

# %%
start(
    os.environ["ANALYZER_IMAGE"],
    {
        "/opt/ml/processing/input_data": f"s3://{bucket}/merged/",
        "/opt/ml/processing/input/config": config(
            "bias-config",
            {"headers": headers, "label": "repaid", "label_values_or_threshold": [1], "facet": [facet]},
        ),
        "/opt/ml/processing/baseline/constraints": f"s3://{bucket}/bias-baseline/analysis.json",
    },
    "bias",
    analysis_type="MODEL_BIAS",
    inference_attribute="0",
    baseline_constraints="/opt/ml/processing/baseline/constraints/analysis.json",
)

# %%
start(
    os.environ["ANALYZER_IMAGE"],
    {
        "/opt/ml/processing/input_data": f"{captures}/credit-endpoint/AllTraffic/2024/05/01/00/",
        "/opt/ml/processing/input/config": config(
            "attributions-config",
            {
                "headers": headers[:-1],
                "predictor": model.get_predictor_config(),
                "methods": {"shap": {"baseline": [typical], "num_samples": 100, "agg_method": "mean_abs", "seed": 1}},
            },
        ),
        "/opt/ml/processing/baseline/constraints": f"s3://{bucket}/attributions-baseline/analysis.json",
    },
    "attributions",
    analysis_type="MODEL_EXPLAINABILITY",
    inference_attribute="1",
    baseline_constraints="/opt/ml/processing/baseline/constraints/analysis.json",
    max_model_rows="20000",
    **MODEL,
)

# %% [markdown]
# ## What was found

# %%
for name in ["bias", "attributions"]:
    S3Downloader.download(f"s3://{bucket}/{name}/", str(results / name), sagemaker_session=session)
    violations = results / name / "constraint_violations.json"
    if violations.exists():
        for violation in json.loads(violations.read_text())["violations"]:
            print(f"{violation['metric_name']:6} {violation['description']}")
    print(results / name / "report.html")
show_attributions(json.loads((results / "attributions/analysis.json").read_text()))
