"""The credit model in the words of the SDK: datasets, facet, model, attributions."""

import json

from sdk import clarify
from support import FACET, LABEL, PREDICTED, generate

ENDPOINT = "credit-endpoint"


def columns(path):
    with open(path) as file:
        return file.readline().strip().split(",")


def baseline(folder):
    """The typical applicant, from whom attributions are measured."""
    generate("configs", folder / "configs", "--format", "csv")
    config = json.loads((folder / "configs/explainability-baseline.json").read_text())
    return config["methods"]["shap"]["baseline"]


def csv_data(source, output, headers):
    return clarify.DataConfig(
        s3_data_input_path=source,
        s3_output_path=output,
        label=LABEL,
        headers=headers,
        dataset_type="text/csv",
    )


def lines_data(source, output, headers):
    return clarify.DataConfig(
        s3_data_input_path=source,
        s3_output_path=output,
        features="features",
        label=LABEL,
        headers=headers,
        dataset_type="application/jsonlines",
    )


def bias():
    return clarify.BiasConfig(
        label_values_or_threshold=[1],
        facet_name=FACET[0],
        facet_values_or_threshold=[FACET[1]],
        group_name="housing",
    )


def csv_model(**model):
    return clarify.ModelConfig(content_type="text/csv", accept_type="text/csv", **model)


def lines_model(**model):
    return clarify.ModelConfig(
        content_type="application/jsonlines",
        accept_type="application/jsonlines",
        content_template='{"features":$features}',
        **model,
    )


def shadow():
    """A model for which the job makes an endpoint of its own and deletes it."""
    return {"model_name": "credit-model", "instance_count": 1, "instance_type": "ml.c5.xlarge"}


def csv_label():
    return clarify.ModelPredictedLabelConfig(label=0)


def lines_label():
    return clarify.ModelPredictedLabelConfig(label=PREDICTED)


def shap(folder, **options):
    return clarify.SHAPConfig(
        baseline=baseline(folder),
        num_samples=60,
        agg_method="mean_abs",
        save_local_shap_values=True,
        seed=1,
        **options,
    )
