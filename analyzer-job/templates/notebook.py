# Reads the results beside this notebook. Needs pandas and matplotlib.
import json
import math
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd


# A chart's font may lack letters of a name; the tables have them.
warnings.filterwarnings("ignore", message="Glyph .* missing")


SECTIONS = {"pre_training_bias_metrics": "before training", "post_training_bias_metrics": "after training"}


def number(value):
    """Infinite values are written as text, undefined ones as null."""
    return float("nan") if value is None else float(value)


def details_of(facet, group):
    """Baseline and interval by metric, when bias_details.json is beside the notebook."""
    for entry in bias_details.get("facets", []):
        if entry["facet"] == facet and entry["value_or_threshold"] == group:
            return {metric["name"]: metric for metric in entry["metrics"]}
    return {}


def metrics_of(facet, group):
    """All metrics of one group against everyone else."""
    table = metrics[(metrics.facet == facet) & (metrics.group == group)].drop(columns=["facet", "group"])
    details = details_of(facet, group)
    if details:
        known = table.metric.map(lambda name: details.get(name, {}))
        table["baseline"] = known.map(lambda metric: number(metric.get("baseline")))
        table["low"] = known.map(lambda metric: number((metric.get("interval") or [None, None])[0]))
        table["high"] = known.map(lambda metric: number((metric.get("interval") or [None, None])[1]))
    return table.reset_index(drop=True)


def metric_chart(facet, group, names):
    """A dot for now, a bar for the 95 % interval, a ring for the baseline, a line at parity."""
    table = metrics_of(facet, group).set_index("metric").reindex(names)
    table = table[table.value.map(math.isfinite)]
    if table.empty:
        return "No finite value to draw."
    figure, axes = plt.subplots(figsize=(7, 0.7 + 0.42 * len(table)))
    for place, (name, row) in enumerate(table.iterrows()):
        low, high = row.get("low", float("nan")), row.get("high", float("nan"))
        if math.isfinite(low) and math.isfinite(high):
            axes.plot([low, high], [place, place], color="#0069a6", alpha=0.35, linewidth=5, solid_capstyle="butt")
        axes.plot(row.value, place, "o", color="#0069a6")
        if math.isfinite(row.get("baseline", float("nan"))):
            axes.plot(row.baseline, place, "o", markerfacecolor="none", markeredgecolor="#1b1d21", markersize=8)
    axes.axvline(1 if names == ["DI"] else 0, color="#8b929b", linewidth=1)
    if names == ["DI"] and (table.value > 0).all():
        # Half is as far from 1 as double.
        axes.set_xscale("log")
    axes.set_yticks(range(len(table)), table.index)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_title(f"{facet} = {group}".replace("$", r"\$"), loc="left")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    plt.show()


def attributions_of(label):
    """Global attributions of one output, largest first."""
    values = analysis["explanations"]["kernel_shap"][label]["global_shap_values"]
    table = pd.DataFrame({"feature": list(values), "global value": list(values.values())})
    for output in explanations_details.get("outputs", []):
        if output["label"] == label:
            details = {feature["name"]: feature for feature in output["features"]}
            table["standard error"] = [number(details.get(n, {}).get("standard_error")) for n in table.feature]
            table["baseline"] = [number(details.get(n, {}).get("baseline")) for n in table.feature]
    order = table["global value"].abs().sort_values(ascending=False, kind="stable").index
    return table.reindex(order).dropna(axis="columns", how="all").reset_index(drop=True)


def attribution_chart(label, features=15):
    """Bars for now with one standard error, rings for the baseline."""
    table = attributions_of(label).head(features)
    figure, axes = plt.subplots(figsize=(7, 0.7 + 0.32 * max(len(table), 1)))
    errors = table["standard error"].fillna(0) if "standard error" in table else None
    axes.barh(range(len(table)), table["global value"], xerr=errors, color="#0069a6", height=0.6)
    if "baseline" in table:
        axes.plot(table.baseline, range(len(table)), "o", markerfacecolor="white", markeredgecolor="#1b1d21")
    axes.set_yticks(range(len(table)), [name.replace("$", r"\$") for name in table.feature])
    axes.invert_yaxis()
    axes.set_title(f"What drives {label}".replace("$", r"\$"), loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    plt.show()


def dependence_charts():
    """The mean prediction over each feature's values, above the share of rows at them."""
    for entry in analysis["explanations"].get("pdp", []):
        if "model_predictions" not in entry or not entry["feature_values"]:
            continue
        values, shares = entry["feature_values"], entry["data_distribution"]
        places = values if entry["data_type"] == "numerical" else range(len(values))
        figure, (above, below) = plt.subplots(
            2, 1, figsize=(6, 3.4), sharex=True, gridspec_kw={"height_ratios": [3, 1]}
        )
        for label, answers in zip(entry["label_headers"], entry["model_predictions"]):
            above.plot(places, answers, "o-" if entry["data_type"] == "numerical" else "o", markersize=3, label=label)
        width = (max(places) - min(places)) / max(len(places) - 1, 1) * 0.9 if len(places) > 1 else 0.9
        below.bar(places, shares, width=width or 0.9, color="#8b929b")
        if entry["data_type"] != "numerical":
            below.set_xticks(range(len(values)), [str(v).replace("$", r"\$") for v in values], rotation=90)
        above.set_title(entry["feature_name"].replace("$", r"\$"), loc="left")
        if len(entry["label_headers"]) > 1:
            above.legend(frameon=False)
        figure.tight_layout()
        plt.show()


def statistics_of(feature):
    """What statistics.json has of a column, in a row."""
    found = {"column": feature["name"], "type": feature.get("inferred_type")}
    for kind in ("numerical_statistics", "string_statistics"):
        known = {key: value for key, value in feature.get(kind, {}).items() if key not in ("common", "distribution")}
        found.update(feature.get(kind, {}).get("common", {}), **known)
    return found


def load(folder="."):
    """Reads the results in a folder. A run of several monitors has one for each."""
    global analysis, bias_details, explanations_details, violations, metrics, columns, quality, estimate

    def read(name):
        path = Path(folder) / name
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    analysis = read("analysis.json")
    bias_details = read("bias_details.json")
    explanations_details = read("explanations_details.json")
    violations = pd.DataFrame(read("constraint_violations.json").get("violations", []))
    metrics = pd.DataFrame(
        [
            {
                "stage": stage,
                "facet": facet,
                "group": entry["value_or_threshold"],
                "metric": metric["name"],
                "description": metric["description"],
                "value": number(metric["value"]),
                "error": metric.get("error", ""),
            }
            for section, stage in SECTIONS.items()
            for facet, entries in analysis.get(section, {}).get("facets", {}).items()
            for entry in entries
            for metric in entry["metrics"]
        ],
        columns=["stage", "facet", "group", "metric", "description", "value", "error"],
    )
    columns = pd.DataFrame([statistics_of(feature) for feature in read("statistics.json").get("features", [])])
    shifts = pd.DataFrame(read("data_quality_details.json").get("columns", []))
    if not columns.empty and not shifts.empty:
        told = shifts[["column", "verdict", "effect", "stability_index", "adjusted_p_value"]]
        columns = columns.merge(told, on="column", how="left")
    quality = pd.DataFrame(read("model_quality_details.json").get("metrics", []))
    estimate = pd.DataFrame((read("model_quality_details.json").get("estimate") or {}).get("metrics", []))


load()
