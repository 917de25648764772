"""Bias metrics without the flip test, beside programs that count the same groups, and beside smclarify.

DuckDB, Polars and pandas count the rows of each combination of facet, stratum, label and prediction, which every metric is
made of; our job and smclarify compute the metrics too, and ours writes its reports. Counts must be equal, metrics to 1e-9.
"""

import json
import shutil
from collections import Counter

import shared

TITLE = "Bias metrics"
ROWS, MERGED_ROWS = 5_000_000, 1_000_000
METRICS = "DPPL,DI,DCA,DCR,RD,SD,DAR,DRR,AD,CDDPL,TE,GE"
COLUMNS = ["sex", "housing", "repaid", "approved"]


def bench(bench):
    rows = bench.scaled(ROWS)
    for form, suffix, others in [
        ("csv", "csv", ["polars", "duckdb", "pandas", "smclarify"]),
        ("parquet", "parquet", ["polars", "duckdb", "pandas"]),
        ("jsonlines", "jsonl", ["duckdb"]),
    ]:
        data = bench.work / form / f"data.{suffix}"
        config = bench.work / f"{form}-config"
        bench.generate("dataset", data, "--format", form, "--rows", rows)
        bench.generate("configs", config, "--format", form, "--metrics", METRICS)
        ours = ["--analysis-config", config / "bias-baseline.json", "--dataset-source", data.parent]
        told = beside(bench, ours, data, others)
        bench.show("bias", f"{SHOWN[form]}: {rows:,} rows of 17 columns, {data.stat().st_size / 1e6:.0f} MB.")
        bench.show("bias", told)
        data.unlink()
    bench.show("bias", "Left out: Polars on JSON Lines, whose reader has no type for a list of numbers and words.")

    merged = bench.work / "merged"
    bench.generate("traffic", bench.work / "traffic", "--rows", bench.scaled(MERGED_ROWS), "--several", 0)
    bench.ours("merge-job", "--dataset-source", bench.work / "traffic" / "captures",
               "--ground-truth-source", bench.work / "traffic" / "ground-truth").found.rename(merged)
    shutil.rmtree(bench.work / "traffic")
    ours = ["--analysis-type", "MODEL_BIAS", "--analysis-config", bench.work / "jsonlines-config" / "bias-monitor.json",
            "--features-attribute", "features", "--inference-attribute", "approved", "--dataset-source", merged]
    told = beside(bench, ours, merged, ["duckdb", "polars"])
    size = sum(path.stat().st_size for path in merged.rglob("*.jsonl"))
    bench.show("bias", f"{bench.scaled(MERGED_ROWS):,} captures merged with their labels, payloads are JSON in strings: {size / 1e6:.0f} MB.")
    bench.show("bias", told)


def beside(bench, arguments, data, others):
    """The table of our job with these arguments beside peers that read the file or folder `data`."""

    def same(mine, name, other):
        own = json.loads((mine.found / "analysis.json").read_text())
        check = same_metrics if name.startswith("smclarify") else same_counts
        check(own, other.found, name)

    peers = [(shared.named(name, SHOWN[name]), lambda name=name: bench.peer(__file__, name, data)) for name in others]
    ours = ("`analyzer-job`, with reports", lambda: bench.ours("analyzer-job", *arguments))
    return shared.table(shared.HEAD, shared.compare(bench, ours, peers, same))


def facet(analysis, part):
    return analysis[f"{part}_bias_metrics"]["facets"]["sex"][0]


def same_counts(analysis, cells, name):
    """The counts of a peer against those behind our metrics, and the conditional disparities computed from them."""
    counts = Counter()
    strata = {}
    for sex, housing, label, predicted, rows in cells:
        counts["group" if sex == "female" else "rest", int(label), int(predicted)] += rows
        for part, outcome in (("CDDL", int(label)), ("CDDPL", int(predicted))):
            stratum = strata.setdefault(part, {}).setdefault(housing, Counter())
            stratum[outcome, "all"] += rows
            stratum[outcome, "group"] += rows if sex == "female" else 0
    for part, code in (("pre_training", "CDDL"), ("post_training", "CDDPL")):
        told = facet(analysis, part)
        for side in ("group", "rest"):
            theirs = [counts[side, label, predicted] for label, predicted in ((1, 1), (1, 0), (0, 1), (0, 0))]
            shared.equal(sorted(told["counts"][side]), sorted(theirs), f"{name}, counts of {side}")
        total = sum(cell[4] for cell in cells)
        disparity = sum(
            (one[0, "all"] + one[1, "all"]) / total * (one[0, "group"] / one[0, "all"] - one[1, "group"] / one[1, "all"])
            for one in strata[code].values())
        value = next(metric["value"] for metric in told["metrics"] if metric["name"] == code)
        shared.near(value, disparity, 1e-9, f"{name}, {code}")


def same_metrics(analysis, theirs, name):
    for part in ("pre_training", "post_training"):
        ours = {metric["name"]: metric["value"] for metric in facet(analysis, part)["metrics"]}
        shared.equal(sorted(ours), sorted(theirs[part]), f"{name}, metrics")
        for code, value in ours.items():
            shared.near(value, theirs[part][code], 1e-9, f"{name}, {code}")


def polars(path):
    import polars as pl
    yield
    if path.endswith("merged"):
        data = pl.Struct({"data": pl.String})
        lines = pl.scan_ndjson(f"{path}/**/*.jsonl", schema={
            "captureData": pl.Struct({"endpointInput": data, "endpointOutput": data}), "groundTruthData": data})
        side = pl.col("captureData").struct.field
        places = {"sex": (side("endpointInput"), "$.features[1]"), "housing": (side("endpointInput"), "$.features[4]"),
                  "repaid": (pl.col("groundTruthData"), "$.repaid"), "approved": (side("endpointOutput"), "$.approved")}
        table = lines.select(source.struct.field("data").str.json_path_match(place).alias(name)
                             for name, (source, place) in places.items())
    else:
        table = pl.scan_parquet(path) if path.endswith(".parquet") else pl.scan_csv(path)
    yield table.group_by(COLUMNS).len().collect(engine="streaming").rows()


def duckdb(path):
    import duckdb
    yield
    if path.endswith("merged"):
        side = "STRUCT(data VARCHAR)"
        source = f"""(
            SELECT request->>'$.features[1]' AS sex, request->>'$.features[4]' AS housing,
                label->>'$.repaid' AS repaid, answer->>'$.approved' AS approved
            FROM (SELECT captureData.endpointInput.data AS request, captureData.endpointOutput.data AS answer,
                      groundTruthData.data AS label
                  FROM read_ndjson('{path}/**/*.jsonl', columns = {{
                      captureData: 'STRUCT(endpointInput {side}, endpointOutput {side})', groundTruthData: '{side}'}})))"""
    elif path.endswith(".jsonl"):
        source = (f"(SELECT features[2] AS sex, features[5] AS housing, repaid, approved FROM read_ndjson('{path}', "
                  "columns = {features: 'VARCHAR[]', repaid: 'TINYINT', approved: 'TINYINT'}))")
    else:
        source = f"read_parquet('{path}')" if path.endswith(".parquet") else f"read_csv('{path}')"
    yield duckdb.sql(f"SELECT {', '.join(COLUMNS)}, count(*) FROM {source} GROUP BY ALL").fetchall()


def pandas(path):
    import pandas
    yield
    parquet = path.endswith(".parquet")
    table = pandas.read_parquet(path, columns=COLUMNS) if parquet else pandas.read_csv(path, usecols=COLUMNS)
    yield [[*key, int(rows)] for key, rows in table.groupby(COLUMNS).size().items()]


def smclarify(path):
    import pandas
    from smclarify.bias import report
    yield
    table = pandas.read_csv(path).drop(columns="score")
    facet = report.FacetColumn("sex", ["female"])
    label = report.LabelColumn("repaid", table["repaid"], [1])
    predicted = report.LabelColumn("approved", table["approved"], [1])
    found = {}
    for stage, metrics in ((report.StageType.PRE_TRAINING, ["all"]), (report.StageType.POST_TRAINING, METRICS.split(","))):
        told = report.bias_report(table, facet, label, stage, predicted, metrics, table["housing"])
        found[stage.value] = {metric["name"]: metric["value"] for metric in told[0]["metrics"]}
    yield found


PEERS = {"polars": polars, "duckdb": duckdb, "pandas": pandas, "smclarify": smclarify}
SHOWN = {"polars": "Polars", "duckdb": "DuckDB", "pandas": "pandas", "smclarify": "smclarify",
         "csv": "CSV", "parquet": "Parquet", "jsonlines": "JSON Lines"}

if __name__ == "__main__":
    shared.run_peer(PEERS)
