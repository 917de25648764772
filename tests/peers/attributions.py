"""Attributions beside Kernel SHAP of shap: the same rows, the same background row, the same server, as many calls of the model.

Both estimate Shapley values, so they are held against the exact ones, which are computed from all 16,384 coalitions of some
rows: the values of each must add up to the difference from the background row, and their error must stay below LIMIT. Then
times and errors are compared.
"""

import csv
import json
import math
import subprocess
import time
import urllib.request

import shared

TITLE = "Attributions"
ROWS, EXACT, SAMPLES, LATENCY_MS = 500, 10, 100, 10
# Largest relative mean squared error that passes for an estimate of the same values.
LIMIT = 0.5


class Server:
    """The project's model server, with so many milliseconds for each request."""

    def __init__(self, bench, model, latency_ms):
        self.out = bench.work / "server"
        with open(self.out, "w") as out:
            command = [bench.programs / "plumbline-model-server", "--address", "127.0.0.1:0", "--model", model,
                       "--latency-ms", str(latency_ms)]
            self.process = subprocess.Popen(command, stdout=out)
        while "listening on " not in self.out.read_text():
            time.sleep(0.02)
        self.url = self.out.read_text().split("listening on ")[1].split()[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def answered(self):
        """Ends the server; what it says of requests and records."""
        self.__exit__()
        return self.out.read_text().splitlines()[-1]


def score(url, rows):
    """The model's scores of rows of text cells."""
    body = "\n".join(",".join(row) for row in rows).encode()
    request = urllib.request.Request(url + "/invocations", body, {"Content-Type": "text/csv", "Accept": "text/csv"})
    with urllib.request.urlopen(request) as answer:
        return [float(line.split(",")[1]) for line in answer.read().decode().splitlines()]


def bench(bench):
    rows = bench.scaled(ROWS)
    data, config = bench.work / "attributions" / "data.csv", bench.work / "attributions-config"
    bench.generate("dataset", data, "--rows", rows, "--without-predictions")
    bench.generate("configs", config)
    config = config / "explainability-baseline.json"
    background = [str(cell) for cell in json.loads(config.read_text())["methods"]["shap"]["baseline"][0]]
    with open(data) as file:
        table = [row[: len(background)] for row in list(csv.reader(file))[1:]]
    told = []
    for model, shown in (("linear", "logistic regression"), ("trees", "three trees")):
        with Server(bench, model, 0) as server:
            exact = [shapley(server.url, row, background) for row in table[:EXACT]]
        errors, calls = {}, {}

        def served(name, run):
            with Server(bench, model, LATENCY_MS) as server:
                one = run(server.url)
                calls[name] = server.answered().split(", busy")[0]
            return one

        def ours(url):
            one = bench.ours("analyzer-job", "--analysis-config", config, "--dataset-source", data.parent, "--model-url", url)
            with open(one.found / "explanations_shap" / "out.csv") as file:
                one.found = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
            return one

        def peer(selection):
            return lambda url: bench.peer(__file__, "shap", url, data, json.dumps(background), SAMPLES, selection)

        def same(mine, name, other):
            for who, values in (("analyzer-job", mine.found), (name, other.found)):
                errors[who] = error(values, exact, who)

        name = shared.named("shap", "shap")
        rows_of_table = shared.compare(bench, ("`analyzer-job`", lambda: served("analyzer-job", ours)), [
            (f"{name}, without selection of features", lambda: served("shap", peer("False"))),
            (f"{name}, its default", lambda: served("shap", peer("num_features(10)"))),
        ], same)
        for line, who in zip(rows_of_table, ["analyzer-job", *(line[0] for line in rows_of_table[1:])]):
            line.insert(5, f"{errors[who]:.1e}" if who in errors else "")
        told += [[f"{shown}: {line[0]}", *line[1:]] for line in rows_of_table]
    asked = "; ".join(f"{who}: {count}" for who, count in calls.items())
    bench.show("attributions", f"{rows} rows of {len(background)} features, {SAMPLES} samples of each, {LATENCY_MS} ms for each "
               f"request. {asked}. The error is the mean squared one over that of the exact values, of {EXACT} rows.")
    bench.show("attributions", shared.table([*shared.HEAD[:5], "relative error", *shared.HEAD[5:]], told))


def shapley(url, row, background):
    """Exact Shapley values of a row against one background row, and their sum: the mean, over all orders of the features, of
    what the score changes when a feature takes the row's value."""
    n = len(row)
    scores = score(url, ([own if members >> place & 1 else other for place, (own, other) in enumerate(zip(row, background))]
                         for members in range(1 << n)))
    weight = [math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n) for size in range(n)]
    values = [0.0] * n
    for members, before in enumerate(scores):
        for place in range(n):
            if not members >> place & 1:
                values[place] += weight[members.bit_count()] * (scores[members | 1 << place] - before)
    return values, scores[-1] - scores[0]


def error(estimates, exact, who):
    for estimate, (_, total) in zip(estimates, exact):
        shared.near(sum(estimate), total, 1e-6, f"{who}, sum of the values")
    pairs = [(a, b) for estimate, (values, _) in zip(estimates, exact) for a, b in zip(estimate, values)]
    relative = sum((a - b) ** 2 for a, b in pairs) / sum(b**2 for _, b in pairs)
    if relative > LIMIT:
        raise AssertionError(f"{who}: relative error {relative}, at most {LIMIT} expected")
    return relative


def shap(url, path, background, samples, selection):
    import numpy
    import pandas
    import shap
    yield
    background = json.loads(background)
    columns = pandas.read_csv(path, dtype=str, keep_default_na=False).to_numpy()[:, : len(background)]
    # Kernel SHAP computes with numbers: each distinct cell of a column is one, and its text again for the model.
    cells = [sorted({*column, background[place]}) for place, column in enumerate(columns.T)]
    codes = [{cell: code for code, cell in enumerate(known)} for known in cells]

    def coded(rows):
        return numpy.array([[codes[place][cell] for place, cell in enumerate(row)] for row in rows], dtype=float)

    def predict(rows):
        return numpy.array(score(url, [[cells[place][int(code)] for place, code in enumerate(row)] for row in rows]))

    numpy.random.seed(1)
    explainer = shap.KernelExplainer(predict, coded([background]))
    values = explainer.shap_values(coded(columns), nsamples=int(samples), silent=True,
                                   l1_reg=False if selection == "False" else selection)
    yield values.tolist()


PEERS = {"shap": shap}

if __name__ == "__main__":
    shared.run_peer(PEERS)
