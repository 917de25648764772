"""How seconds and memory of our programs grow: with the size of the data, the number of files, of columns and of groups.

Each point runs on one processor and on all. There is no peer here; the pictures show whether a cost is straight in what grows.
"""

import csv
import io
import json
import random
import shutil
import statistics

import bias
import flip
import pictures
import shared

TITLE = "Growth"
GIGABYTES = [0.1, 1, 10]
FILES = [1, 10, 100, 1000, 10_000, 100_000]
COLUMNS = [2, 8, 32, 128, 500]
FLIP_COLUMNS = [2, 7, 14, 30, 60]
GROUPS = [1, 10, 100, 1000]
# Bytes of a row of the generator's CSV, and of a capture.
CSV_ROW, CAPTURE = 71.6, 632
# A point that takes longer than so many seconds is run once.
LONG = 60


def bench(bench):
    for series in (merge_by_size, tables_by_size, merge_by_files, bias_by_files, by_columns, flip_by_columns, by_groups):
        series(bench)
        clean(bench)


def merge_by_size(bench):
    points = []
    for gigabytes in GIGABYTES:
        clean(bench)
        rows = traffic(bench, bench.scaled(gigabytes * 1e9), 20_000)
        points.append((rows, merge(bench)))
    show(bench, "merge-size", "Merge, by captures", "captures", points)


def tables_by_size(bench):
    points = {"bias": [], "data quality": []}
    for gigabytes in GIGABYTES:
        clean(bench)
        rows = bench.scaled(gigabytes * 1e9 / CSV_ROW)
        bench.generate("dataset", bench.work / "data" / "data.csv", "--rows", rows)
        points["bias"].append((rows, bias_job(bench)))
        points["data quality"].append((rows, quality(bench)))
    show(bench, "bias-size", "Bias metrics, by rows of CSV", "rows", points["bias"])
    show(bench, "quality-size", "Data quality, by rows of CSV", "rows", points["data quality"])


def merge_by_files(bench):
    captures = traffic(bench, bench.scaled(0.2e9), 20_000)
    whole = bench.work / "traffic" / "captures"
    lines = [line for path in sorted(whole.rglob("*.jsonl")) for line in path.read_bytes().splitlines(keepends=True)]
    points = []
    for files in counts(bench, FILES, captures):
        shutil.rmtree(whole)
        cut(lines, files, lambda number: whole / "2024" / "05" / "01" / f"{number % 24:02}" / f"{number}.jsonl")
        points.append((files, merge(bench)))
    show(bench, "merge-files", f"Merge of {captures:,} captures, by files", "files", points)


def bias_by_files(bench):
    rows = bench.scaled(1_000_000)
    table = bench.work / "table.csv"
    bench.generate("dataset", table, "--rows", rows)
    head, *lines = table.read_bytes().splitlines(keepends=True)
    points = []
    for files in counts(bench, FILES, rows):
        shutil.rmtree(bench.work / "data", ignore_errors=True)
        cut(lines, files, lambda number: bench.work / "data" / f"{number % 100}" / f"{number}.csv", head)
        points.append((files, bias_job(bench)))
    show(bench, "bias-files", f"Bias metrics of {rows:,} rows, by files", "files", points)


def by_columns(bench):
    rows = bench.scaled(100_000)
    points = {"bias": [], "data quality": []}
    for columns in COLUMNS:
        clean(bench)
        config = roles(bench, columns, rows)
        points["data quality"].append((columns, quality(bench)))
        if columns > 3:
            points["bias"].append((columns, job(bench, "analyzer-job", "--analysis-config", config, "--dataset-source",
                                                 bench.work / "data")))
    show(bench, "quality-columns", f"Data quality of {rows:,} rows, by columns", "columns", points["data quality"])
    show(bench, "bias-columns", f"Bias metrics of {rows:,} rows, by columns", "columns", points["bias"])


def flip_by_columns(bench):
    rows = bench.scaled(100_000)
    config = flip.configure(bench.work / "flip.json")
    points = []
    for columns in FLIP_COLUMNS:
        flip.write(bench.work / "data" / "data.csv", rows, columns)
        points.append((columns, job(bench, "analyzer-job", "--analysis-config", config, "--dataset-source", bench.work / "data")))
    show(bench, "flip-columns", f"Flip test of {rows:,} rows, by columns", "columns", points)


def by_groups(bench):
    rows = bench.scaled(1_000_000)
    points = []
    for groups in GROUPS:
        config = roles(bench, 5, rows, groups)
        points.append((groups, job(bench, "analyzer-job", "--analysis-config", config, "--dataset-source", bench.work / "data")))
    show(bench, "bias-groups", f"Bias metrics of {rows:,} rows with all reports, by groups", "groups", points)


def clean(bench):
    for path in bench.work.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def traffic(bench, size, rows_per_file):
    """Captures of so many bytes and their labels; returns the number of captures."""
    bench.generate("traffic", bench.work / "traffic", "--bytes", size, "--several", 0, "--payload", "service",
                   "--inference-ids", 1, "--rows-per-file", rows_per_file)
    return round(size / CAPTURE)


def counts(bench, files, rows):
    """The numbers of files of a series, as far as each gets a row."""
    return sorted({min(max(round(one * bench.scale), 1), rows) for one in files})


def cut(lines, files, name, head=b""):
    for number in range(files):
        path = name(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        begin, end = (len(lines) * place // files for place in (number, number + 1))
        path.write_bytes(head + b"".join(lines[begin:end]))


def roles(bench, columns, rows, groups=2):
    """A table with the roles of a bias job in its first columns (group, label, prediction, one of 20 strata) and whole numbers
    behind them; returns its configuration."""
    draw = random.Random(1)
    names = ["group", "label", "predicted", *(f"c{place}" for place in range(max(columns - 3, 0)))][:columns]
    pool = io.StringIO()
    writer = csv.writer(pool, lineterminator="\n")
    for number in range(min(rows, 10_000)):
        label = draw.random() < 0.4
        predicted = label if draw.random() < 0.8 else not label
        # Every group has rows, with both labels.
        cells = [f"group-{number % max(groups, 2)}", int(label), int(predicted), draw.randrange(20)]
        writer.writerow([*cells, *(draw.randrange(1000) for _ in names[4:])][:columns])
    lines = pool.getvalue().splitlines(keepends=True)
    path = bench.work / "data" / "data.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        file.write(",".join(names) + "\n")
        for start in range(0, rows, len(lines)):
            file.writelines(lines[: rows - start])
    facet = {"name_or_index": "group"}
    if groups <= 2:
        facet["value_or_threshold"] = ["group-0"]
    config = {"dataset_type": "text/csv", "label": "label", "predicted_label": "predicted", "label_values_or_threshold": [1],
              "facet": [facet], "methods": {
                  "pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": bias.METRICS.split(",")},
                  "report": {"name": "report", "title": "Analysis Report"}}}
    if columns > 3:
        config["group_variable"] = "c0"
    path = bench.work / "roles.json"
    path.write_text(json.dumps(config))
    return path


def merge(bench):
    return job(bench, "merge-job", "--dataset-source", bench.work / "traffic" / "captures",
               "--ground-truth-source", bench.work / "traffic" / "ground-truth")


def bias_job(bench):
    config = bench.work / "config"
    bench.generate("configs", config, "--metrics", bias.METRICS)
    return job(bench, "analyzer-job", "--analysis-config", config / "bias-baseline.json", "--dataset-source", bench.work / "data")


def quality(bench):
    return job(bench, "analyzer-job", "--analysis-type", "DATA_QUALITY", "--dataset-format", '{"csv": {"header": true}}',
               "--dataset-source", bench.work / "data")


def job(bench, program, *arguments):
    """Median seconds and peak memory on one processor and on all: [(seconds, MB), (seconds, MB)]."""
    medians = []
    for processors in (1, shared.THREADS):
        runs = []
        while len(runs) < bench.turns and not (runs and runs[0].seconds > LONG):
            runs.append(bench.ours(program, *arguments, processors=processors))
        medians.append((statistics.median(run.seconds for run in runs), statistics.median(run.peak for run in runs)))
    return medians


def show(bench, name, title, what, points):
    """A picture, the numbers behind it, and what each more of what grows takes."""
    ways = ["one processor", f"{shared.THREADS} processors"]
    panels = [(what, axis, {way: [(x, both[number][part]) for x, both in points] for number, way in enumerate(ways)})
              for part, axis in enumerate(("seconds", "peak memory, MB"))]
    folder = bench.pictures
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.svg").write_text(pictures.chart(title, panels))
    head = [what, *(f"seconds, {way}" for way in ways), *(f"peak MB, {way}" for way in ways)]
    rows = [[f"{x:,}", *(shared.number(both[number][part]) for part in (0, 1) for number in (0, 1))] for x, both in points]
    (first, then), (last, now) = points[0], points[-1]
    more = [(now[number][part] - then[number][part]) / max(last - first, 1) for part in (0, 1) for number in (0, 1)]
    told = (f"Each further {what.removesuffix('s')} takes {duration(more[0])} on {ways[0]} and {duration(more[1])} on {ways[1]}, "
            f"and {more[2] * 1e6:,.1f} and {more[3] * 1e6:,.1f} bytes of memory (from the first point to the last).")
    bench.show("growth", f"![{title}](pictures/{name}.svg)\n\n{shared.table(head, rows)}\n\n{told}")


def duration(seconds):
    for unit, size in (("ms", 1e-3), ("µs", 1e-6)):
        if abs(seconds) >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds * 1e9:.0f} ns"
