#!/usr/bin/env python3
"""data_quality.py PROGRAMS [--rows N] [--evidently-rows N]: data quality beside programs that do the same work.

Each reads the same CSV file of 30 columns (10 of fractions, 10 of whole numbers, 10 of 20 categories). First its numbers
are held against ours: rows, missing values, means, standard deviations, extremes, counts of categories. Then times and
peak memory are printed, with how often ours fits into theirs. Peers that are not installed are left out, by name:
duckdb, pyspark, evidently (requirements.txt beside this file). Compare only figures of one run.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COLUMNS = 30
THREADS = os.cpu_count() or 1


def write(path, rows, shift=0.0):
    """A table with the three kinds of columns; the same for the same arguments."""
    draw = random.Random(1)
    # Whole blocks of rows are drawn from a pool: what is compared is reading, not the making of numbers.
    pool = []
    for _ in range(5000):
        cells = []
        for column in range(COLUMNS):
            x = draw.random()
            kind = column % 3
            if kind == 0:
                cells.append(f"{x * 100 + shift:.4f}" if draw.random() > 0.01 else "")
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
out = {}
for name in now.columns:
    column = now[name]
    if column.dtype.kind in "if":
        out[name] = [int(column.count()), float(column.mean()), float(column.std(ddof=0)), float(column.min()),
                     float(column.max())]
    else:
        out[name] = {key: int(n) for key, n in column.value_counts().items()}
print(json.dumps(out))
"""


def installed(name):
    return subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True).returncode == 0


def row(who, rows, seconds, peak, base=None):
    ratio = "" if base is None else f"  {seconds / base:6.1f} times ours"
    print(f"  {who:38} {rows:>10} rows {seconds:8.1f} s {peak:6} MB{ratio}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=Path)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--evidently-rows", type=int, default=200_000)
    arguments = parser.parse_args()
    print(f"data quality, {COLUMNS} columns of CSV, {THREADS} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        data = work / "data"
        data.mkdir()
        write(data / "data.csv", arguments.rows)
        out, seconds, peak = ours(arguments.programs, data, work)
        told = numbers(out)
        row("analyzer-job, baseline", arguments.rows, seconds, peak)
        for name, code, what in [("duckdb", DUCKDB, "DuckDB SUMMARIZE"), ("pyspark", SPARK, "PySpark, the same statistics")]:
            if not installed(name):
                print(f"  left out: {name} is not installed")
                continue
            answer, theirs, memory = timed([sys.executable, "-c", code, data / "data.csv", THREADS])
            same(told, json.loads(answer.splitlines()[-1]), name)
            row(what, arguments.rows, theirs, memory, seconds)
        if not installed("evidently"):
            print("  left out: evidently is not installed")
            return
        then, now = work / "then", work / "now"
        for folder, shift in [(then, 0.0), (now, 20.0)]:
            folder.mkdir()
            write(folder / "data.csv", arguments.evidently_rows, shift)
        baseline, first, _ = ours(arguments.programs, then, work)
        out, second, peak = ours(arguments.programs, now, work, ["--baseline-constraints", baseline, "--baseline-statistics", baseline])
        row("analyzer-job, baseline and monitor", arguments.evidently_rows, first + second, peak)
        answer, theirs, memory = timed([sys.executable, "-c", EVIDENTLY, then / "data.csv", now / "data.csv", work / "report.html"])
        same(numbers(out), json.loads(answer.splitlines()[-1]), "evidently")
        row("Evidently, summary and drift", arguments.evidently_rows, theirs, memory, first + second)


if __name__ == "__main__":
    main()
