"""The merge beside engines for tables: captures with JSON payloads joined with their labels, written as JSON Lines.

Labels that were delivered twice are equal in these data, so any of them will do; the engines drop the second one.
"""

import hashlib
import json
import shutil
from multiprocessing import Pool

import shared

TITLE = "Merge"
BYTES = 1_000_000_000


def bench(bench):
    traffic = bench.work / "traffic"
    bench.generate("traffic", traffic, "--bytes", bench.scaled(BYTES), "--several", 0, "--payload", "service",
                   "--inference-ids", 1)
    captures, labels = traffic / "captures", traffic / "ground-truth"
    size = sum(path.stat().st_size for path in traffic.rglob("*.jsonl"))
    expected = {}

    def ours():
        return bench.ours("merge-job", "--dataset-source", captures, "--ground-truth-source", labels)

    def peer(name):
        out = bench.work / name
        shutil.rmtree(out, ignore_errors=True)
        run = bench.peer(__file__, name, captures, labels, out)
        run.found = out
        return run

    def same(mine, name, other):
        # Every record by its content once; the same number of bytes from then on.
        if "ours" not in expected:
            expected["ours"] = records(mine.found)
        if name not in expected:
            shared.equal(expected["ours"], records(other.found), name)
            expected[name] = written(other.found)
        shared.equal(expected[name], written(other.found), name)
        shutil.rmtree(other.found)

    def copy():
        """Reading and writing the same bytes: what no merge can do without."""
        out = bench.work / "copy"
        script = 'find "$0" -type f -exec cat {} + >"$1"'
        run = shared.measured(["sh", "-c", script, traffic, out], bench)
        out.unlink()
        return run

    rows = shared.compare(bench, ("`merge-job`, all processors", ours), [
        ("`cat` of the same files into one", copy),
        (shared.named("duckdb", "DuckDB"), lambda: peer("duckdb")),
        (shared.named("polars", "Polars"), lambda: peer("polars")),
        (shared.named("pyspark", "PySpark"), lambda: peer("pyspark")),
    ], lambda mine, name, other: None if name.startswith("`cat`") else same(mine, name, other))
    bench.show("merge", f"{size / 1e9:.2f} GB: captures with JSON payloads and numbers of any length, and their labels"
               + (f"; {expected['ours'][0]:,} merged records." if expected else "."))
    bench.show("merge", shared.table(shared.HEAD, rows))


def written(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.suffix in (".jsonl", ".json"))


def records(folder):
    """The number of merged records, and a sum over the records that does not depend on their order."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".jsonl", ".json"))
    with Pool(shared.THREADS) as pool:
        parts = pool.map(digest, [(path, start) for path in files for start in range(0, path.stat().st_size, 32 << 20)], 1)
    return sum(count for count, _ in parts), sum(total for _, total in parts) % 2**64


def digest(part):
    """Of the lines that begin within 32 MiB of a file."""
    path, start = part
    count = total = 0
    with open(path, "rb") as file:
        if start:
            file.seek(start - 1)
            file.readline()
        while file.tell() < start + (32 << 20) and (line := file.readline()):
            record = json.loads(line)
            capture, event = record["captureData"], record["eventMetadata"]
            told = [record["groundTruthData"]["data"], event["eventId"], event["inferenceId"], event["inferenceTime"]]
            told += [capture[side][key] for side in ("endpointInput", "endpointOutput") for key in ("data", "encoding", "mode")]
            count += 1
            total += int.from_bytes(hashlib.blake2b("\0".join(told).encode(), digest_size=8).digest(), "little")
    return count, total


SIDE = "STRUCT(observedContentType VARCHAR, mode VARCHAR, data VARCHAR, encoding VARCHAR)"


def duckdb(captures, labels, out):
    import duckdb
    import os
    yield
    os.makedirs(out)
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"""
        COPY (
            SELECT label.groundTruthData, capture.captureData, capture.eventMetadata, capture.eventVersion
            FROM read_ndjson('{captures}/**/*.jsonl', columns = {{
                captureData: 'STRUCT(endpointInput {SIDE}, endpointOutput {SIDE})',
                eventMetadata: 'STRUCT(eventId VARCHAR, inferenceId VARCHAR, inferenceTime VARCHAR)',
                eventVersion: 'VARCHAR'}}) AS capture
            JOIN (
                SELECT eventMetadata.eventId AS id, any_value(groundTruthData) AS groundTruthData
                FROM read_ndjson('{labels}/**/*.jsonl', columns = {{
                    groundTruthData: 'STRUCT(data VARCHAR, encoding VARCHAR)', eventMetadata: 'STRUCT(eventId VARCHAR)'}})
                GROUP BY id
            ) AS label ON capture.eventMetadata.inferenceId = label.id
        ) TO '{out}/merged.json' (FORMAT json)""")
    yield None


def polars(captures, labels, out):
    import os
    import polars as pl
    yield
    os.makedirs(out)
    side = pl.Struct({name: pl.String for name in ("observedContentType", "mode", "data", "encoding")})
    event = {name: pl.String for name in ("eventId", "inferenceId", "inferenceTime")}
    left = pl.scan_ndjson(f"{captures}/**/*.jsonl", schema={
        "captureData": pl.Struct({"endpointInput": side, "endpointOutput": side}),
        "eventMetadata": pl.Struct(event), "eventVersion": pl.String})
    right = pl.scan_ndjson(f"{labels}/**/*.jsonl", schema={
        "groundTruthData": pl.Struct({"data": pl.String, "encoding": pl.String}),
        "eventMetadata": pl.Struct({"eventId": pl.String})})
    label = right.select("groundTruthData", pl.col("eventMetadata").struct.field("eventId").alias("id")).unique("id", keep="any")
    capture = left.with_columns(pl.col("eventMetadata").struct.field("inferenceId").alias("id"))
    merged = capture.join(label, on="id").drop("id")
    merged.sink_ndjson(f"{out}/merged.jsonl")
    yield None


def pyspark(captures, labels, out):
    session, functions = shared.spark()
    yield
    side = "STRUCT<observedContentType: STRING, mode: STRING, data: STRING, encoding: STRING>"
    capture = session.read.option("recursiveFileLookup", True).schema(
        f"captureData STRUCT<endpointInput: {side}, endpointOutput: {side}>, "
        "eventMetadata STRUCT<eventId: STRING, inferenceId: STRING, inferenceTime: STRING>, eventVersion STRING").json(captures)
    label = session.read.option("recursiveFileLookup", True).schema(
        "groundTruthData STRUCT<data: STRING, encoding: STRING>, eventMetadata STRUCT<eventId: STRING>").json(labels)
    label = label.select("groundTruthData", functions.col("eventMetadata.eventId").alias("id")).dropDuplicates(["id"])
    capture = capture.withColumn("id", functions.col("eventMetadata.inferenceId"))
    capture.join(label, "id").drop("id").write.json(out)
    yield None


PEERS = {"duckdb": duckdb, "polars": polars, "pyspark": pyspark}

if __name__ == "__main__":
    shared.run_peer(PEERS)
