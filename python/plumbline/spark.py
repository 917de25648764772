"""Merge and analysis on Spark: the engine deals out file names, our programs read the bytes.

`analyze` folds files in tasks and combines the states on the driver. `merge` joins captures with labels. A task that fails
is run again by Spark and gives the same: what it leaves depends on its files alone.

The programs are found on the PATH of every worker, or given as a path on the driver, from where Spark ships them. Paths
are those of a file system that all workers see, or `s3://` addresses, for which the workers need `boto3`.
"""

import gzip
import json
import os
import shutil
import stat
import subprocess
import tempfile
import zlib
from pathlib import Path

__all__ = ["Failed", "analyze", "merge"]


class Failed(RuntimeError):
    """A program ended with an error; the text is its exit message."""


def analyze(dataset, config, out, *, spark, settings=None, program="analyzer-job", tasks=None):
    """Analyses a dataset or captured records, and returns the exit message.

    `config`: path or content of `analysis_config.json`; `None` for monitors that need none. `settings`: those of the
    analyzer by name, such as `{"analysis_type": "MODEL_BIAS"}`. `tasks`: number of parts; by default two for each core.
    The results in `out` are those of a run on one machine.
    """
    context = spark.sparkContext
    files = _files(dataset)
    parts = _parts(files, tasks or 2 * context.defaultParallelism)
    names = [name for name, _ in parts]
    config = _config_text(config)
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in (settings or {}).items()]
    shipped = _ship(context, program)

    def fold(part):
        name, files = part
        with tempfile.TemporaryDirectory() as folder:
            state = Path(folder, f"{name}.state")
            data = _at_hand(dataset, files, Path(folder, "data"))
            told = [*arguments, *_configured(config, folder), f"--dataset-source={data}"]
            _run(shipped, ["fold", f"--out={state}", f"--parts={','.join(names)}", *told], folder)
            return name, state.read_bytes()

    states = context.parallelize(parts, len(parts)).map(fold).collect()
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, state in states:
            paths.append(Path(folder, f"{name}.state"))
            paths[-1].write_bytes(state)
        result = Path(folder, "result") if _is_s3(out) else Path(out)
        result.mkdir(parents=True, exist_ok=True)
        told = [*arguments, *_configured(config, folder), f"--output-path={result}"]
        message = _run(program, ["combine", *map(str, paths), *told], folder)
        if _is_s3(out):
            _upload(result, out)
    return message


def merge(captures, labels, out, *, spark, settings=None, program="merge-job", tasks=None, broadcast_bytes=4 << 30):
    """Joins captured requests with ground truth into `out`, and returns the number of files written.

    Label files of up to `broadcast_bytes` are read whole by every task. Beyond that both sides are dealt out by id as text
    (JSON, a record a line), and each task joins its share. Either way the merge itself is `merge-job`'s: it checks and writes
    every line. `settings`: those of the merge by name.
    """
    context = spark.sparkContext
    n_tasks = tasks or 2 * context.defaultParallelism
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in (settings or {}).items()]
    shipped = _ship(context, program)
    label_files = _files(labels)

    def join(name, captures, labels, folder):
        merged = Path(folder, "merged")
        _play_host(folder, name)
        told = [f"--dataset-source={captures}", f"--ground-truth-source={labels}", f"--output-path={merged}"]
        _run(shipped, [*arguments, *told], folder)
        return _publish(merged, out)

    if sum(size for _, size in label_files) <= broadcast_bytes:
        parts = _parts(_files(captures), n_tasks)

        def with_all_labels(part):
            name, files = part
            with tempfile.TemporaryDirectory() as folder:
                mine = _at_hand(captures, files, Path(folder, "captures"))
                truth = _at_hand(labels, [file for file, _ in label_files], Path(folder, "labels"))
                return join(name, mine, truth, folder)

        return sum(context.parallelize(parts, len(parts)).map(with_all_labels).collect())

    def lines(root, kind):
        names = [name for name, _ in _files(root)]
        return context.parallelize(names, n_tasks).flatMap(lambda name: _lines(root, name, kind))

    both = lines(captures, "captures").union(lines(labels, "labels"))
    both = both.partitionBy(n_tasks, lambda identity: zlib.crc32(identity.encode()))

    def share(number, records):
        with tempfile.TemporaryDirectory() as folder:
            if _write_lines(records, folder):
                yield join(f"part-{number:05d}", Path(folder, "captures"), Path(folder, "labels"), folder)

    return sum(both.mapPartitionsWithIndex(share).collect())


def _is_s3(path):
    return str(path).startswith("s3://")


def _s3(address):
    import boto3

    bucket, _, prefix = str(address)[len("s3://") :].partition("/")
    return boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL")), bucket, prefix.strip("/")


def _files(root):
    """The files below a folder, as a job takes them: names relative to it, and their sizes."""
    if _is_s3(root):
        client, bucket, prefix = _s3(root)
        start = f"{prefix}/" if prefix else ""
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start)
        found = [(item["Key"][len(start) :], item["Size"]) for page in pages for item in page.get("Contents", [])]
    else:
        root = Path(root)
        if not root.is_dir():
            raise FileNotFoundError(f"there is no folder {root}")
        found = [(str(path.relative_to(root)), path.stat().st_size) for path in root.rglob("*") if path.is_file()]

    def taken(name):
        return not any(step.startswith((".", "_")) for step in name.split("/"))

    return sorted((name, size) for name, size in found if size > 0 and taken(name))


def _parts(files, n):
    """The files in at most `n` rows of neighbours with about as many bytes each; at least one, perhaps empty."""
    n = max(1, min(n, len(files)))
    total = sum(size for _, size in files)
    parts = [[] for _ in range(n)]
    done = 0
    for name, size in files:
        parts[min(n - 1, done * n // max(total, 1))].append(name)
        done += size
    return [(f"part-{number:05d}", names) for number, names in enumerate(part for part in parts if part or n == 1)]


def _config_text(config):
    if config is None:
        return None
    if isinstance(config, dict):
        return json.dumps(config)
    path = Path(config)
    return (path / "analysis_config.json" if path.is_dir() else path).read_text()


def _configured(config, folder):
    if config is None:
        return []
    path = Path(folder, "config", "analysis_config.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(config)
    return [f"--analysis-config={path}"]


def _ship(context, program):
    """What workers start: a name on their PATH, or the name of a file that Spark brings them."""
    if os.sep not in str(program):
        return str(program)
    context.addFile(str(program))
    return ("shipped", Path(program).name)


def _program(program, folder):
    if isinstance(program, str) or isinstance(program, Path):
        return str(program)
    from pyspark import SparkFiles

    shipped = Path(SparkFiles.get(program[1]))
    if os.access(shipped, os.X_OK):
        return str(shipped)
    # Spark keeps no rights. A copy of this task's own is not written by another one meanwhile.
    own = Path(folder, program[1])
    shutil.copyfile(shipped, own)
    own.chmod(own.stat().st_mode | stat.S_IXUSR)
    return str(own)


def _run(program, arguments, folder):
    """Starts a program with a tree of its own, and returns its exit message."""
    tree = Path(folder, "tree")
    (tree / "output").mkdir(parents=True, exist_ok=True)
    scratch = Path(folder, "scratch")
    scratch.mkdir(exist_ok=True)
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(tree), "TMPDIR": str(scratch)}
    ended = subprocess.run(
        [_program(program, folder), *arguments], env=environment, capture_output=True, text=True, check=False
    )
    path = tree / "output/message"
    message = path.read_text() if path.exists() else ""
    if ended.returncode != 0:
        raise Failed(message or ended.stderr[-2000:])
    return message


def _at_hand(root, files, folder):
    """A folder with these files under their relative names: links, or copies of objects."""
    folder.mkdir(parents=True)
    client, bucket, prefix = _s3(root) if _is_s3(root) else (None, None, None)
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if client is None:
            path.symlink_to(Path(root, name).absolute())
        else:
            client.download_file(bucket, f"{prefix}/{name}" if prefix else name, str(path))
    return folder


def _play_host(folder, name):
    """The configuration of a host that sees a shard of the captures: its files get names of their own."""
    config = Path(folder, "tree", "config")
    config.mkdir(parents=True, exist_ok=True)
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": name, "hosts": [name, f"{name}-others"]}))
    sharded = {
        "InputName": "captures",
        "S3Input": {"LocalPath": str(Path(folder, "captures")), "S3DataDistributionType": "ShardedByS3Key"},
    }
    (config / "processingjobconfig.json").write_text(json.dumps({"ProcessingInputs": [sharded]}))


def _publish(merged, out):
    """Moves merged files to their place; a task that runs again replaces its own files by the same ones."""
    files = [path for path in Path(merged).rglob("*") if path.is_file()]
    if _is_s3(out):
        _upload(merged, out)
        return len(files)
    for path in files:
        to = Path(out, path.relative_to(merged))
        to.parent.mkdir(parents=True, exist_ok=True)
        aside = to.with_name(f".{to.name}.{os.getpid()}")
        shutil.copyfile(path, aside)
        os.replace(aside, to)
    return len(files)


def _upload(folder, address):
    client, bucket, prefix = _s3(address)
    for path in Path(folder).rglob("*"):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            client.upload_file(str(path), bucket, f"{prefix}/{name}" if prefix else name)


def _lines(root, name, kind):
    """The records of a file by id: where they stand and their text. What has no id goes to one place."""
    if _is_s3(root):
        client, bucket, prefix = _s3(root)
        data = client.get_object(Bucket=bucket, Key=f"{prefix}/{name}" if prefix else name)["Body"].read()
    else:
        data = Path(root, name).read_bytes()
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    rows = data.split(b"\n")
    first = next((line for line in rows if line.strip()), b"")
    if _record(first) is None:
        raise ValueError(
            f"{name} of the {kind} does not begin with a record on a line of its own: beyond `broadcast_bytes` lists, values "
            "over several lines and other formats cannot be dealt out. Write JSON Lines, or raise `broadcast_bytes`."
        )
    for number, line in enumerate(rows):
        if line.strip():
            yield _id(line, kind), (kind, name, number, line)


def _record(line):
    """The record of a line; none when there is no object."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _id(line, kind):
    """What the merge joins by: a capture's inference id before its event id, a label's event id before its inference id."""
    record = _record(line)
    if record is None:
        return ""
    metadata = record.get("eventMetadata") or {"inferenceId": record.get("SageMakerInferenceId")}
    if not isinstance(metadata, dict):
        return ""
    first, second = ("inferenceId", "eventId") if kind == "captures" else ("eventId", "inferenceId")
    return str(metadata.get(first) or metadata.get(second) or "")


def _write_lines(records, folder):
    """Records under the names of their files, in their order; whether there are captures."""
    for kind in ["captures", "labels"]:
        Path(folder, kind).mkdir()
    rows = sorted(record for _, record in records)
    for kind, name, _, line in rows:
        path = Path(folder, kind, name.removesuffix(".gz"))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(line + b"\n")
    return any(kind == "captures" for kind, *_ in rows)
