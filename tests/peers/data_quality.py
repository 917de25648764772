"""Data quality: a baseline beside DuckDB's SUMMARIZE and PySpark, and a baseline with a monitor beside Evidently.

The CSV files have 30 columns: 10 of fractions, 10 of whole numbers, 10 of 20 categories. Values present, means, deviations,
extremes and counts of categories must be equal; of Evidently also the distance of every column from the baseline, and how
many columns drifted by its thresholds.
"""

import json
import math
import random

import shared

TITLE = "Data quality"
COLUMNS = 30
ROWS, EVIDENTLY_ROWS = 2_000_000, 200_000


def bench(bench):
    rows = bench.scaled(ROWS)
    data = bench.work / "data" / "data.csv"
    write(data, rows)

    def same(mine, name, other):
        same_numbers(numbers(mine.found), other.found, name)

    told = shared.compare(bench, ("`analyzer-job`, baseline with reports", lambda: ours(bench, data)), [
        (shared.named("duckdb", "DuckDB") + ", `SUMMARIZE`", lambda: bench.peer(__file__, "duckdb", data)),
        (shared.named("pyspark", "PySpark") + ", the same statistics", lambda: bench.peer(__file__, "pyspark", data)),
    ], same)
    bench.show("data-quality", f"{rows:,} rows of {COLUMNS} columns of CSV, {data.stat().st_size / 1e6:.0f} MB.")
    bench.show("data-quality", shared.table(shared.HEAD, told))
    data.unlink()

    rows = bench.scaled(EVIDENTLY_ROWS)
    then, now = bench.work / "then" / "data.csv", bench.work / "now" / "data.csv"
    write(then, rows)
    write(now, rows, 1.5)
    verdicts = set()

    def both():
        first = ours(bench, then)
        baseline = first.found.rename(bench.work / f"baseline-{first.seconds}")
        second = ours(bench, now, "--baseline-constraints", baseline, "--baseline-statistics", baseline)
        seconds = first.seconds + second.seconds
        return shared.Run(seconds, seconds, first.processor + second.processor, max(first.peak, second.peak), second.found)

    def same_as_evidently(mine, name, other):
        summary, drift, drifted = other.found
        same_numbers(numbers(mine.found), summary, name)
        verdicts.add(same_drift(mine.found, drift, drifted))

    told = shared.compare(bench, ("`analyzer-job`, baseline and monitor", both), [
        (shared.named("evidently", "Evidently") + ", summary and drift",
         lambda: bench.peer(__file__, "evidently", then, now, bench.work / "report.html")),
    ], same_as_evidently)
    bench.show("data-quality", f"Two files of {rows:,} rows each, the second with other values in half of its columns.")
    bench.show("data-quality", shared.table(shared.HEAD, told))
    for moved, beyond in verdicts:
        bench.show("data-quality", f"{beyond} columns drifted by Evidently's thresholds, {moved} moved by ours.")


def write(path, rows, power=1.0):
    """A table with the three kinds of columns; the same for the same arguments. `power`: draws the values of the first half
    of the columns to the lower ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw = random.Random(1)
    # Whole blocks of rows are drawn from a pool: what is compared is reading, not the making of numbers.
    pool = []
    for _ in range(5000):
        cells = []
        for column in range(COLUMNS):
            x = draw.random() ** (power if column < COLUMNS // 2 else 1.0)
            kind = column % 3
            if kind == 0:
                cells.append(f"{x * 100:.4f}" if draw.random() > 0.01 else "")
            else:
                cells.append(str(int(x * 1000)) if kind == 1 else f"group-{int(x * 20)}")
        pool.append(",".join(cells))
    with open(path, "w") as file:
        file.write(",".join(f"c{column}" for column in range(COLUMNS)) + "\n")
        for start in range(0, rows, 5000):
            draw.shuffle(pool)
            file.write("\n".join(pool[: min(5000, rows - start)]) + "\n")


def ours(bench, data, *more):
    return bench.ours("analyzer-job", "--analysis-type", "DATA_QUALITY", "--dataset-format", '{"csv": {"header": true}}',
                      "--dataset-source", data.parent, *more)


def numbers(out):
    """By column: values present, mean, deviation, least, largest; or counts of categories."""
    found = {}
    for feature in json.loads((out / "statistics.json").read_text())["features"]:
        if "numerical_statistics" in feature:
            told = feature["numerical_statistics"]
            found[feature["name"]] = [told["common"]["num_present"], told["mean"], told["std_dev"], told["min"],
                                      told["max"]]
        else:
            buckets = feature["string_statistics"]["distribution"]["categorical"]["buckets"]
            found[feature["name"]] = {bucket["value"]: bucket["count"] for bucket in buckets}
    return found


def same_numbers(ours, theirs, who):
    """What a peer does not say is None."""
    for name, told in ours.items():
        other = theirs[name]
        if isinstance(told, dict):
            if other is not None:
                shared.equal(told, other, f"{who}, {name}")
            continue
        for what, a, b in zip(("present", "mean", "deviation", "least", "largest"), told, other):
            if b is not None:
                shared.near(a, b, 1e-6, f"{who}, {name}, {what}")


def same_drift(out, drift, drifted):
    """The distances of our details against Evidently's; ours come from sketches and have six digits. Returns how many columns
    moved by our verdict, and how many drifted by Evidently's."""
    details = json.loads((out / "data_quality_details.json").read_text())
    shared.equal({column["column"] for column in details["columns"]}, set(drift), "columns")
    beyond = 0
    for column in details["columns"]:
        method, value, threshold = drift[column["column"]]
        if method.startswith("Wasserstein"):
            ours, tolerance = column["wasserstein"], 0.01
        else:
            shared.equal(method.split()[0], "Jensen-Shannon", "method")
            # In bits here, in natural units there.
            ours, tolerance = column["jensen_shannon"] * math.sqrt(math.log(2)), 1e-5
        shared.near(ours, value, tolerance, f"distance of {column['column']}")
        beyond += ours >= threshold
    shared.equal(beyond, drifted, "columns that drifted")
    return sum(column["verdict"] == "moved" for column in details["columns"]), beyond


def duckdb(path):
    import duckdb
    yield
    told = duckdb.sql(f"SUMMARIZE SELECT * FROM read_csv('{path}')")
    found = {}
    for row in told.fetchall():
        row = dict(zip(told.columns, row))
        found[row["column_name"]] = None
        if row["avg"] is not None:
            # SUMMARIZE rounds the share of missing values to two digits, and gives the deviation of a sample.
            n = round(row["count"] * (1 - float(row["null_percentage"]) / 100))
            found[row["column_name"]] = [None, float(row["avg"]), float(row["std"]) * ((n - 1) / n) ** 0.5,
                                         float(row["min"]), float(row["max"])]
    yield found


def pyspark(path):
    session, f = shared.spark()
    yield
    table = session.read.csv(path, header=True, inferSchema=True)
    wanted = []
    for name, kind in table.dtypes:
        wanted += [f.count(name).alias(name + "|n"), f.approx_count_distinct(name).alias(name + "|d")]
        if kind != "string":
            wanted += [f.mean(name).alias(name + "|mean"), f.stddev_pop(name).alias(name + "|std"),
                       f.min(name).alias(name + "|min"), f.max(name).alias(name + "|max"),
                       f.percentile_approx(name, [x / 10 for x in range(11)], 100).alias(name + "|q")]
    row = table.agg(*wanted).first().asDict()
    found = {}
    for name, kind in table.dtypes:
        if kind == "string":
            counts = table.groupBy(name).count().collect()
            found[name] = {value: n for value, n in counts if value is not None}
        else:
            found[name] = [row[f"{name}|{what}"] for what in ("n", "mean", "std", "min", "max")]
    yield found


def evidently(then, now, report):
    import pandas
    from evidently import Report
    from evidently.presets import DataDriftPreset, DataSummaryPreset
    yield
    then, now = (pandas.read_csv(path) for path in (then, now))
    result = Report([DataSummaryPreset(), DataDriftPreset()]).run(now, then)
    result.save_html(report)
    drift, drifted = {}, None
    for metric in result.dict()["metrics"]:
        config = metric["config"]
        if config["type"].endswith(":ValueDrift"):
            drift[config["column"]] = [config["method"], metric["value"], config["threshold"]]
        elif config["type"].endswith(":DriftedColumnsCount"):
            drifted = int(metric["value"]["count"])
    found = {}
    for name in now.columns:
        column = now[name]
        if column.dtype.kind in "if":
            found[name] = [int(column.count()), float(column.mean()), float(column.std(ddof=0)), float(column.min()),
                           float(column.max())]
        else:
            found[name] = {key: int(n) for key, n in column.value_counts().items()}
    yield [found, drift, drifted]


PEERS = {"duckdb": duckdb, "pyspark": pyspark, "evidently": evidently}

if __name__ == "__main__":
    shared.run_peer(PEERS)
