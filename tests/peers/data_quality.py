#!/usr/bin/env python3
"""data_quality.py PROGRAMS [--rows N] [--evidently-rows N] [--peers NAME,..] [--turns N]: data quality beside programs that
do the same work.

Each reads the same CSV file of 30 columns (10 of fractions, 10 of whole numbers, 10 of 20 categories). First its numbers
are held against ours: rows, missing values, means, standard deviations, extremes, counts of categories; of Evidently also
the distances of every column from the baseline and the number of columns that drifted. Then times and
peak memory are printed, with how often ours fits into theirs; with `--turns` all run in turn so often, and the median
counts. Peers that are not installed are left out, by name: duckdb, pyspark, evidently (requirements.txt beside this file).
Compare only figures of one run. `TMPDIR` names the place of the data.
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COLUMNS = 30
THREADS = os.cpu_count() or 1


def write(path, rows, power=1.0):
    """A table with the three kinds of columns; the same for the same arguments. `power`: draws the values of the first half
    of the columns to the lower ones."""
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


def timed(command, **more):
    """Runs a command; its output, seconds, and the peak memory of all its processes together in MB."""
    start, peak = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=errors, start_new_session=True, **more)
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            time.sleep(0.02)
        seconds = time.monotonic() - start
        out.seek(0)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"{command[0]}: {errors.read()[-2000:]}")
        return out.read(), seconds, peak


def memory(session):
    """Resident memory of the processes of a session in MB."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return total >> 20


def ours(programs, data, work, more=()):
    out = work / f"out-{time.monotonic_ns()}"
    arguments = [programs / "analyzer-job", "--analysis-type", "DATA_QUALITY", "--dataset-format",
                 '{"csv": {"header": true}}', "--dataset-source", data, "--output-path", out, *more]
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(work), "SAGEMAKER_BASE_DIR": str(work)}
    _, seconds, peak = timed(arguments, env=environment)
    return out, seconds, peak


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


def same(ours, theirs, who):
    for name, told in ours.items():
        other = theirs[name]
        if isinstance(told, dict):
            if isinstance(other, dict):
                assert told == other, (who, name, told, other)
            continue
        for what, a, b in zip(("present", "mean", "deviation", "least", "largest"), told, other):
            assert b is None or math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9), (who, name, what, a, b)


DUCKDB = """
import duckdb, json, sys
con = duckdb.connect()
con.execute(f"SET threads TO {sys.argv[2]}")
rows = con.execute(f"SUMMARIZE SELECT * FROM read_csv('{sys.argv[1]}')").fetchall()
names = [d[0] for d in con.description]
out = {}
for row in rows:
    told = dict(zip(names, row))
    if told["avg"] is not None:
        n = round(told["count"] * (1 - float(told["null_percentage"]) / 100))
        # SUMMARIZE rounds the share of nulls to two digits and gives the deviation of a sample.
        out[told["column_name"]] = [None, float(told["avg"]), float(told["std"]) * ((n - 1) / n) ** 0.5,
                                    float(told["min"]), float(told["max"])]
    else:
        out[told["column_name"]] = None
print(json.dumps(out))
"""

SPARK = """
import json, sys
from pyspark.sql import SparkSession, functions as f
spark = (SparkSession.builder.master(f"local[{sys.argv[2]}]").config("spark.ui.enabled", "false")
         .config("spark.driver.memory", "4g").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
table = spark.read.csv(sys.argv[1], header=True, inferSchema=True)
kinds = dict(table.dtypes)
wanted = [f.count(f.lit(1)).alias("rows")]
for name, kind in table.dtypes:
    wanted += [f.count(name).alias(name + "|n"), f.approx_count_distinct(name).alias(name + "|d")]
    if kind != "string":
        wanted += [f.mean(name).alias(name + "|mean"), f.stddev_pop(name).alias(name + "|std"),
                   f.min(name).alias(name + "|min"), f.max(name).alias(name + "|max"),
                   f.percentile_approx(name, [x / 10 for x in range(11)], 100).alias(name + "|q")]
row = table.agg(*wanted).first().asDict()
out = {}
for name, kind in kinds.items():
    if kind == "string":
        out[name] = {value: n for value, n in table.groupBy(name).count().collect() if value is not None}
    else:
        out[name] = [row[f"{name}|{what}"] for what in ("n", "mean", "std", "min", "max")]
print(json.dumps(out))
"""

EVIDENTLY = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import pandas
from evidently import Report
from evidently.presets import DataDriftPreset, DataSummaryPreset
then, now = (pandas.read_csv(path) for path in sys.argv[1:3])
result = Report([DataSummaryPreset(), DataDriftPreset()]).run(now, then)
result.save_html(sys.argv[3])
drift = {}
for metric in result.dict()["metrics"]:
    config = metric["config"]
    if config["type"].endswith(":ValueDrift"):
        drift[config["column"]] = [config["method"], metric["value"], config["threshold"]]
    elif config["type"].endswith(":DriftedColumnsCount"):
        drifted = metric["value"]["count"]
out = {}
for name in now.columns:
    column = now[name]
    if column.dtype.kind in "if":
        out[name] = [int(column.count()), float(column.mean()), float(column.std(ddof=0)), float(column.min()),
                     float(column.max())]
    else:
        out[name] = {key: int(n) for key, n in column.value_counts().items()}
print(json.dumps([out, drift, drifted]))
"""


def same_drift(out, drift, drifted):
    """The distances of our details against Evidently's; ours come from sketches and have six digits."""
    details = json.loads((out / "data_quality_details.json").read_text())
    assert {column["column"] for column in details["columns"]} == set(drift), sorted(drift)
    ours_beyond = 0
    for column in details["columns"]:
        method, value, threshold = drift[column["column"]]
        if method.startswith("Wasserstein"):
            ours, near = column["wasserstein"], 0.01
        else:
            assert method.startswith("Jensen-Shannon"), method
            # In bits here, in natural units there.
            ours, near = column["jensen_shannon"] * math.sqrt(math.log(2)), 1e-5
        assert math.isclose(ours, value, abs_tol=near), (column["column"], method, ours, value)
        ours_beyond += ours >= threshold
    moved = sum(column["verdict"] == "moved" for column in details["columns"])
    assert drifted == ours_beyond, (drifted, ours_beyond)
    return moved, int(drifted)


def installed(name):
    return subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True).returncode == 0


def row(who, rows, seconds, peak, base=None):
    ratio = "" if base is None else f"  {seconds / base:6.1f} times ours"
    print(f"  {who:38} {rows:>10} rows {seconds:8.1f} s {peak:6} MB{ratio}", flush=True)


def in_turn(turns, runs):
    """Runs each so often, in turn; of each its last answer, and the medians of seconds and peaks."""
    taken = [[run() for run in runs] for _ in range(turns)]
    return [(told[-1][0], statistics.median(t[1] for t in told), statistics.median(t[2] for t in told))
            for told in zip(*taken)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=Path)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--evidently-rows", type=int, default=200_000)
    parser.add_argument("--peers", default="duckdb,pyspark,evidently")
    parser.add_argument("--turns", type=int, default=1)
    arguments = parser.parse_args()
    programs = arguments.programs
    peers = []
    for name in arguments.peers.split(","):
        if installed(name):
            peers.append(name)
        else:
            print(f"  left out: {name} is not installed")
    print(f"data quality, {COLUMNS} columns of CSV, {THREADS} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        data = work / "data"
        data.mkdir()
        write(data / "data.csv", arguments.rows)
        codes = {"duckdb": (DUCKDB, "DuckDB SUMMARIZE"), "pyspark": (SPARK, "PySpark, the same statistics")}
        others = [name for name in peers if name in codes]
        runs = [lambda: ours(programs, data, work)]
        runs += [lambda code=codes[name][0]: timed([sys.executable, "-c", code, data / "data.csv", THREADS]) for name in others]
        (out, seconds, peak), *answers = in_turn(arguments.turns, runs)
        row("analyzer-job, baseline", arguments.rows, seconds, peak)
        for name, (answer, theirs, memory) in zip(others, answers):
            same(numbers(out), json.loads(answer.splitlines()[-1]), name)
            row(codes[name][1], arguments.rows, theirs, memory, seconds)
        (data / "data.csv").unlink()
        if "evidently" not in peers:
            return
        then, now = work / "then", work / "now"
        for folder, power in [(then, 1.0), (now, 1.5)]:
            folder.mkdir()
            write(folder / "data.csv", arguments.evidently_rows, power)

        def both():
            baseline, first, _ = ours(programs, then, work)
            out, second, peak = ours(programs, now, work, ["--baseline-constraints", baseline, "--baseline-statistics", baseline])
            return out, first + second, peak

        def evidently():
            return timed([sys.executable, "-c", EVIDENTLY, then / "data.csv", now / "data.csv", work / "report.html"])

        (out, seconds, peak), (answer, theirs, memory) = in_turn(arguments.turns, [both, evidently])
        summary, drift, drifted = json.loads(answer.splitlines()[-1])
        same(numbers(out), summary, "evidently")
        moved, beyond = same_drift(out, drift, drifted)
        row("analyzer-job, baseline and monitor", arguments.evidently_rows, seconds, peak)
        row("Evidently, summary and drift", arguments.evidently_rows, theirs, memory, seconds)
        print(f"  equal: every distance of a column; {beyond} drifted by Evidently's thresholds, {moved} moved by ours")


if __name__ == "__main__":
    main()
