"""The flip test beside scikit-learn's nearest neighbours: by brute force, and as it chooses itself, which smclarify does.

Rows are all different and their features have 15 digits, so that no two rows are equally near and the values must be equal.
"""

import json
import random

import shared

TITLE = "Flip test"
ROWS, FEATURES = 100_000, 14


def bench(bench):
    rows = bench.scaled(ROWS)
    data = bench.work / "flip" / "data.csv"
    write(data, rows, FEATURES)
    config = configure(bench.work / "flip.json")

    def ours():
        return bench.ours("analyzer-job", "--analysis-config", config, "--dataset-source", data.parent)

    def same(mine, name, other):
        shared.near(value(mine.found), other.found, 1e-12, name)

    name = shared.named("scikit-learn", "scikit-learn")
    told = shared.compare(bench, ("`analyzer-job`", ours), [
        (f"{name}, brute force", lambda: bench.peer(__file__, "sklearn", data, "brute")),
        (f"{name}, its default (as smclarify)", lambda: bench.peer(__file__, "sklearn", data, "auto")),
    ], same)
    bench.show("flip", f"{rows:,} rows of {FEATURES} numbers, all different; a quarter of the rows is the group.")
    bench.show("flip", shared.table(shared.HEAD, told))


def write(path, rows, features):
    """A CSV file of rows that are all different: features, `group`, `label`, `predicted`."""
    draw = random.Random(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        file.write(",".join([*(f"f{place}" for place in range(features)), "group", "label", "predicted"]) + "\n")
        for _ in range(rows):
            cells = [draw.random() for _ in range(features)]
            group, label = draw.random() < 0.25, draw.random() < 0.5
            predicted = cells[0] + 0.3 * draw.random() > (0.7 if group else 0.6)
            file.write(",".join([*map(str, cells), *("dr"[not group], "01"[label], "01"[predicted])]) + "\n")


def configure(path):
    config = {
        "dataset_type": "text/csv", "label": "label", "predicted_label": "predicted", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "group", "value_or_threshold": ["d"]}],
        "methods": {"post_training_bias": {"methods": ["FT"]}, "report": {"name": "report", "title": "Analysis Report"}},
    }
    path.write_text(json.dumps(config))
    return path


def value(out):
    told = json.loads((out / "analysis.json").read_text())["post_training_bias_metrics"]["facets"]["group"][0]["metrics"]
    return next(metric["value"] for metric in told if metric["name"] == "FT")


def sklearn(path, algorithm):
    import pandas
    from sklearn.neighbors import KNeighborsClassifier
    yield
    table = pandas.read_csv(path)
    group = (table["group"] == "d").to_numpy()
    predicted = (table["predicted"] == 1).to_numpy()
    features = table.drop(columns=["group", "label", "predicted"]).to_numpy()
    neighbours = KNeighborsClassifier(n_neighbors=5, algorithm=algorithm).fit(features[~group], predicted[~group])
    expected = neighbours.predict(features[group])
    model = predicted[group]
    yield (int((model & ~expected).sum()) - int((~model & expected).sum())) / len(model)


PEERS = {"sklearn": sklearn}

if __name__ == "__main__":
    shared.run_peer(PEERS)
