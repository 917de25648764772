"""Model quality of a binary problem beside scikit-learn: confusion matrix, rates, F scores and the areas under both curves.

Ours also has deviations, intervals, calibration and reports; scikit-learn computes the metrics alone. Counts must be equal,
metrics to 1e-9.
"""

import json

import shared

TITLE = "Model quality"
ROWS = 2_000_000


def bench(bench):
    rows = bench.scaled(ROWS)
    data = bench.work / "model-quality" / "data.csv"
    bench.generate("dataset", data, "--rows", rows)

    def ours():
        return bench.ours("analyzer-job", "--analysis-type", "MODEL_QUALITY", "--problem-type", "BinaryClassification",
                          "--dataset-source", data.parent, "--dataset-format", '{"csv": {"header": true}}',
                          "--inference-attribute", "approved", "--probability-attribute", "score",
                          "--ground-truth-attribute", "repaid")

    def same(mine, name, other):
        told = json.loads((mine.found / "statistics.json").read_text())["binary_classification_metrics"]
        matrix = [[told["confusion_matrix"][label][predicted] for predicted in "01"] for label in "01"]
        shared.equal(matrix, other.found.pop("confusion_matrix"), f"{name}, confusion matrix")
        for metric, theirs in other.found.items():
            shared.near(told[metric]["value"], theirs, 1e-9, f"{name}, {metric}")

    peers = [(shared.named("scikit-learn", "scikit-learn"), lambda: bench.peer(__file__, "sklearn", data))]
    told = shared.compare(bench, ("`analyzer-job`, with reports", ours), peers, same)
    bench.show("model-quality", f"{rows:,} rows of 17 columns of CSV, {data.stat().st_size / 1e6:.0f} MB.")
    bench.show("model-quality", shared.table(shared.HEAD, told))


def sklearn(path):
    import pandas
    from sklearn import metrics
    yield
    table = pandas.read_csv(path, usecols=["repaid", "approved", "score"])
    label, predicted, score = (table[name].to_numpy() for name in ("repaid", "approved", "score"))
    precision, recall, _ = metrics.precision_recall_curve(label, score)
    found = {"confusion_matrix": metrics.confusion_matrix(label, predicted).tolist(),
             "accuracy": metrics.accuracy_score(label, predicted),
             "precision": metrics.precision_score(label, predicted),
             "recall": metrics.recall_score(label, predicted),
             "auc": metrics.roc_auc_score(label, score),
             "au_prc": metrics.auc(recall, precision)}
    for name, beta in (("f0_5", 0.5), ("f1", 1), ("f2", 2)):
        found[name] = metrics.fbeta_score(label, predicted, beta=beta)
    yield {name: value if isinstance(value, list) else float(value) for name, value in found.items()}


PEERS = {"sklearn": sklearn}

if __name__ == "__main__":
    shared.run_peer(PEERS)
