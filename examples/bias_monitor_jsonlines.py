# %% [markdown]
# # Monitor the bias of an endpoint: JSON Lines
#
# A model decides on small loans: `approved` is its answer, `repaid` is what came of the loan. We ask
# whether it treats women and men alike, first on the training data, then on a day of requests.
#
# 1. Baseline: bias metrics of the training data and of the model's answers to it.
# 2. Merge: requests that the endpoint captured, with labels that came hours later.
# 3. Monitor: the metrics of the merged requests, against the baseline.

# %%
import json
import logging
import os
from pathlib import Path

import boto3
from sagemaker.clarify import BiasConfig, DataConfig, ModelConfig, ModelPredictedLabelConfig
from sagemaker.local import LocalSession
from sagemaker.model_monitor import ConstraintViolations, ModelBiasMonitor
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
# ## Baseline
#
# Each line of the training data is `{"features": [...], "repaid": 1}`. The headers name the features in their order,
# and then the label.

# %%
HEADERS = [
    "age", "sex", "income", "employment_years", "housing", "dependents", "debt_ratio", "credit_lines",
    "late_payments", "utilization", "savings", "loan_amount", "loan_months", "purpose", "repaid",
]  # fmt: skip
training = S3Uploader.upload(str(data / "train"), f"s3://{bucket}/training", sagemaker_session=session)

monitor = ModelBiasMonitor(**JOB, env=MODEL)
monitor.image_uri = os.environ["ANALYZER_IMAGE"]  # the one line that is new

monitor.suggest_baseline(
    data_config=DataConfig(
        s3_data_input_path=training,
        s3_output_path=f"s3://{bucket}/baseline",
        features="features",
        headers=HEADERS,
        label="repaid",
        dataset_type="application/jsonlines",
    ),
    bias_config=BiasConfig(
        label_values_or_threshold=[1],
        facet_name="sex",
        facet_values_or_threshold=["female"],
    ),
    model_config=ModelConfig(
        endpoint_name="credit-endpoint",
        content_type="application/jsonlines",
        accept_type="application/jsonlines",
        content_template='{"features":$features}',
    ),
    model_predicted_label_config=ModelPredictedLabelConfig(label="approved"),
)

# %%
baseline = monitor.suggested_constraints().body_dict
for stage in ["pre_training_bias_metrics", "post_training_bias_metrics"]:
    print(stage)
    for metric in baseline[stage]["facets"]["sex"][0]["metrics"]:
        print(f"  {metric['name']:6} {metric['value']}")

# %% [markdown]
# ## Merge
#
# The endpoint captured its requests and answers below `{endpoint}/{variant}/yyyy/mm/dd/hh`; whoever learned how
# a loan went wrote labels below `yyyy/mm/dd/hh` of that later hour.

# %%
captures = S3Uploader.upload(str(data / "captures"), f"s3://{bucket}/captures", sagemaker_session=session)
labels = S3Uploader.upload(str(data / "ground-truth"), f"s3://{bucket}/labels", sagemaker_session=session)

merge = Processor(image_uri=os.environ["MERGE_IMAGE"], **JOB)
merge.run(
    inputs=[
        ProcessingInput(
            input_name="endpoint_input_1",
            source=f"{captures}/",
            destination="/opt/ml/processing/input_data",
        ),
        ProcessingInput(
            input_name="groundtruth_input_1",
            source=f"{labels}/",
            destination="/opt/ml/processing/groundtruth",
        ),
    ],
    outputs=[
        ProcessingOutput(
            output_name="result",
            source="/opt/ml/processing/output",
            destination=f"s3://{bucket}/merged",
        )
    ],
)

# %% [markdown]
# ## Monitor
#
# The features are in the captured request, the answer in the captured response, the label in the ground truth.

# %%
analysis_config = {
    "headers": HEADERS,
    "label": "repaid",
    "label_values_or_threshold": [1],
    "facet": [{"name_or_index": "sex", "value_or_threshold": ["female"]}],
}
config = S3Uploader.upload_string_as_file_body(
    json.dumps(analysis_config), f"s3://{bucket}/monitor/analysis_config.json", sagemaker_session=session
)
check = Processor(
    image_uri=os.environ["ANALYZER_IMAGE"],
    **JOB,
    env={
        "analysis_type": "MODEL_BIAS",
        "features_attribute": "features",
        "inference_attribute": "approved",
        "baseline_constraints": "/opt/ml/processing/baseline/constraints/analysis.json",
    },
)
check.run(
    inputs=[
        ProcessingInput(
            input_name="endpoint_input_1",
            source=f"s3://{bucket}/merged/",
            destination="/opt/ml/processing/input_data",
        ),
        ProcessingInput(
            input_name="analysis_config",
            source=config,
            destination="/opt/ml/processing/input/config",
        ),
        ProcessingInput(
            input_name="constraints",
            source=f"s3://{bucket}/baseline/analysis.json",
            destination="/opt/ml/processing/baseline/constraints",
        ),
    ],
    outputs=[
        ProcessingOutput(
            output_name="result",
            source="/opt/ml/processing/output",
            destination=f"s3://{bucket}/checked",
        )
    ],
)

# %%
violations = ConstraintViolations.from_s3_uri(
    f"s3://{bucket}/checked/constraint_violations.json", sagemaker_session=session
)
for violation in violations.body_dict["violations"]:
    print(f"{violation['metric_name']:6} {violation['description']}")

# %% [markdown]
# `report.html` shows which metrics moved, how sure that is, and for whom; `bias_details.json` has the counts.

# %%
S3Downloader.download(f"s3://{bucket}/baseline/", str(results / "baseline"), sagemaker_session=session)
S3Downloader.download(f"s3://{bucket}/checked/", str(results / "checked"), sagemaker_session=session)
print(results / "checked" / "report.html")
