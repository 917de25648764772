"""Checks the reports below a folder, one run in each folder of it.

In a browser: nothing is loaded, nothing is run, nothing overflows a phone, and the accessibility checker finds
nothing in light, dark and narrow; without scripts all is there; printed, heads repeat. On paper: tagged, fonts embedded, the same names.
The notebook: valid, complete with its stored outputs, and its code makes tables and charts again.
Every metric of every group, with value, interval and baseline, is held against the files beside the reports.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from axe_playwright_python.sync_playwright import Axe
from nbclient import NotebookClient
from playwright.sync_api import sync_playwright

SCREENS = {
    "desktop": {"viewport": {"width": 1180, "height": 900}},
    "dark": {"viewport": {"width": 1180, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}},
}
BRACKETS = str.maketrans("", "", "()")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def main():
    folders = sorted(path.parent for path in Path(sys.argv[1]).glob("*/report.html"))
    if not folders:
        sys.exit(f"no reports below {sys.argv[1]}")
    failures, passed = [], 0
    # Notebooks run while the browser looks at pages.
    with ProcessPoolExecutor(2) as pool:
        executed = {folder: pool.submit(executes, folder) for folder in folders}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for folder in folders:
                rows = {}
                checks = {screen: list(on_screen(browser, folder, screen)) for screen in SCREENS}
                checks["content"] = list(content(browser, folder, rows))
                checks["print"] = list(printed(browser, folder, rows))
                checks["paper"] = list(on_paper(folder, rows))
                checks["stored notebook"] = list(as_notebook(folder, rows))
                checks["executed notebook"] = executed[folder].result()
                passed += sum(not found for found in checks.values())
                failures += [f"{folder.name}, {check}: {text}" for check, found in checks.items() for text in found]
                print(f"{folder.name}: {'FAILED' if any(checks.values()) else 'ok'}", flush=True)
            browser.close()
    for failure in failures:
        print(failure)
    print(f"{passed} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


def read(folder, name):
    path = folder / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def names(folder):
    """What every format must mention: groups, metrics, violated metrics, outputs, features."""
    analysis = read(folder, "analysis.json")
    wanted = []
    for key in ("post_training_bias_metrics", "pre_training_bias_metrics"):
        section = analysis.get(key, {})
        for facet, entries in section.get("facets", {}).items():
            wanted.append(facet)
            for entry in entries:
                wanted.append(entry["value_or_threshold"])
                wanted += [metric["name"] for metric in entry["metrics"]]
    explanations = analysis.get("explanations", {})
    for label, values in (explanations.get("kernel_shap") or {}).items():
        wanted += [label, *values["global_shap_values"]]
    wanted += [curve["feature_name"] for curve in explanations.get("pdp") or []]
    for violation in read(folder, "constraint_violations.json").get("violations", []):
        keys = ("metric_name", "facet", "label", "feature_name")
        wanted += [violation[key] for key in keys if key in violation]
    wanted += [feature["name"] for feature in read(folder, "statistics.json").get("features", [])]
    return list(dict.fromkeys(wanted))


def bare(text):
    """Without what line breaks and direction add."""
    return re.sub(r"[\s\u200b\u2066-\u2069\u200e\u200f]", "", text)


def missing(wanted, text):
    text = bare(text)
    return [name for name in wanted if bare(name) not in text]


def patient(context):
    """A busy machine is slow, not wrong."""
    context.set_default_timeout(300_000)
    return context


def on_screen(browser, folder, screen):
    address = (folder / "report.html").resolve().as_uri()
    context = patient(browser.new_context(**SCREENS[screen]))
    page = context.new_page()
    asked, told = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("dialog", lambda dialog: (told.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true })")
    if asked != [address]:
        yield f"loads {asked[1:3]}"
    if told:
        yield f"says {told[:3]}"
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if wide > 0:
        yield f"{wide} pixels wider than the screen"
    result = Axe().run(page, options=RULES).response
    judged = {rule["id"] for rule in result["passes"] + result["violations"]}
    if not {"color-contrast", "heading-order", "page-has-heading-one"} <= judged:
        yield f"the accessibility checker did not judge contrast and headings, only {sorted(judged)}"
    for violation in result["violations"]:
        first = violation["nodes"][0]
        yield f"{violation['id']}: {violation['help']}: {first['html'][:160]} ({len(violation['nodes'])})"
    if screen == "desktop":
        yield from tools(page)
    context.close()


def content(browser, folder, rows):
    """Without scripts all is there. Fills `rows` with the table rows that the other formats must have too."""
    context = patient(browser.new_context(java_script_enabled=False))
    page = context.new_page()
    page.goto((folder / "report.html").resolve().as_uri())
    gone = missing(names(folder), text_of(page))
    if gone:
        yield f"the page lacks {gone[:5]}"
    found = Counter()
    facets = read(folder, "bias_details.json").get("facets", [])
    for place, facet in enumerate(facets, start=1):
        if any(mirrors(earlier, facet) for earlier in facets[: place - 1]):
            continue
        table = table_below(page, f"group-{place}-all")
        found.update(row["text"] for row in table)
        yield from metrics_told(folder, facet, {row["code"]: row["cells"] for row in table})
    explanations = read(folder, "analysis.json").get("explanations", {})
    for place, (label, values) in enumerate((explanations.get("kernel_shap") or {}).items(), start=1):
        table = table_below(page, f"output-{place}-all")
        found.update(row["text"] for row in table)
        told = {row["cells"][1]["text"]: row["cells"][2] for row in table}
        for feature, value in values["global_shap_values"].items():
            cell = told.get(feature)
            if cell is None or not told_as(cell, value):
                yield f"{label}: {feature} is {value}, told as {cell}"
    violations = read(folder, "constraint_violations.json").get("violations", [])
    if violations:
        table = table_below(page, "violations")
        listed = [row for row in table]
        if len(violations) > 25 and "metric_name" in violations[0]:
            listed = [code for row in table for cell in row["cells"][2:5] for code in re.findall(r"\w+", cell["text"])]
        if len(listed) != len(violations):
            yield f"{len(violations)} violations, {len(listed)} listed"
    rows.update(found)
    context.close()


def mirrors(one, other):
    """Whether two values of a facet are one comparison, seen from both sides: the page has it once."""
    a, b = one["groups"], other["groups"]
    return one["facet"] == other["facet"] and (a["d"], a["a"]) == (b["a"], b["d"])


def table_below(page, heading):
    """The rows of the first table below a heading: code of the metric, cells, and the text up to the words."""
    return page.evaluate(
        """(id) => {
            let at = document.getElementById(id);
            while (at && !at.querySelector("table")) at = at.nextElementSibling;
            if (!at) return [];
            return [...at.querySelectorAll("tbody tr")].map((row) => {
                const cells = [...row.cells].map((cell) => ({ text: cell.textContent.trim(), exact: cell.title }));
                const code = row.querySelector(".code");
                const told = [...row.cells].filter((cell) => !cell.classList.contains("prose"));
                return { code: code && code.textContent, cells, text: told.map((cell) => cell.textContent).join("") };
            });
        }""",
        heading,
    )


def metrics_told(folder, facet, table):
    """Each metric of a group as the files have it: value, interval and baseline, or why there is no value."""
    group = f"{facet['facet']} = {facet['value_or_threshold']}"
    analysis = read(folder, "analysis.json")
    results = {
        metric["name"]: metric
        for key in ("post_training_bias_metrics", "pre_training_bias_metrics")
        for entry in analysis.get(key, {}).get("facets", {}).get(facet["facet"], [])
        if entry["value_or_threshold"] == facet["value_or_threshold"]
        for metric in entry["metrics"]
    }
    for details in facet["metrics"]:
        code, value = details["name"], results[details["name"]]["value"]
        if code not in table:
            yield f"{group} lacks {code}"
            continue
        # A run without a baseline has no columns of comparison.
        _, now, interval, *comparison, words = table[code]
        if value is None and details["error"] not in words["text"]:
            yield f"{group}: {code} does not say why it has no value"
        if value is not None and not told_as(now, value):
            yield f"{group}: {code} is {value}, told as {now}"
        if details["baseline"] is not None and not (comparison and told_as(comparison[0], details["baseline"])):
            yield f"{group}: the baseline of {code} is {details['baseline']}, told as {comparison[:1]}"
        if details["interval"]:
            parts = [interval[key].split(" to ") for key in ("text", "exact")]
            ends = [{"text": text, "exact": exact} for text, exact in zip(*parts)]
            if len(ends) != 2 or not all(told_as(end, value) for end, value in zip(ends, details["interval"])):
                yield f"{group}: the interval of {code} is {details['interval']}, told as {interval}"


def told_as(cell, value):
    """Whether a cell has a value in all digits, and shows it rounded in its last digit."""
    value = float(value)
    shown = re.sub(r"[\s±]", "", cell["text"]).replace("−", "-").replace("∞", "inf")
    if float(cell["exact"]) != value:
        return False
    decimals = len(shown.partition("e")[0].partition(".")[2])
    unit = 10.0 ** (-decimals + int(shown.partition("e")[2] or 0))
    return float(shown) == value or abs(float(shown) - value) <= unit * 0.5001


def lost(rows, text):
    """Rows that a text has less often than the page."""
    text = bare(text).translate(BRACKETS)
    wanted = Counter()
    for row, times in rows.items():
        wanted[bare(row).translate(BRACKETS)] += times
    return [row for row, times in wanted.items() if text.count(row) < times]


def text_of(page):
    """All text of the page, folded parts too."""
    return page.locator("body").text_content()


def tools(page):
    """Sorting sorts, the filter hides and shows again."""
    table = page.locator(".long table:has(th.number button)").first
    if table.count():
        before = table.locator("tbody tr").count()
        head = table.locator("thead th.number button").first
        head.click()
        exact = table.evaluate(
            "(table) => { const column = [...table.tHead.rows[0].cells].findIndex((c) => c.ariaSort || c.getAttribute('aria-sort'));"
            " return [...table.tBodies[0].rows].map((r) => parseFloat(r.cells[column].title)).filter(isFinite) }"
        )
        if exact != sorted(exact) or table.locator("tbody tr").count() != before:
            yield f"a sort by click gives {exact[:5]}"
    only = page.locator("#only-moved")
    if only.count():
        held = page.locator('main tr[data-state="held"]:visible, main tr[data-state="unsure"]:visible')
        shown = held.count()
        only.check()
        if held.count():
            yield "the filter leaves rows that did not move"
        only.uncheck()
        if held.count() != shown:
            yield "the filter does not give rows back"


def printed(browser, folder, rows):
    """The page as a browser prints it: folded tables open, heads above their rows on every sheet."""
    context = patient(browser.new_context())
    page = context.new_page()
    page.goto((folder / "report.html").resolve().as_uri())
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        page.pdf(path=file.name, prefer_css_page_size=True)
        text = subprocess.run(["pdftotext", "-raw", file.name, "-"], check=True, capture_output=True, text=True).stdout
    context.close()
    gone = lost(rows, text)
    if gone:
        yield f"printing loses {len(gone)} of {len(rows)} rows, as {gone[:3]}"
    for number, sheet in enumerate(text.split("\f"), start=1):
        sheet = bare(sheet).translate(BRACKETS)
        headed = any(bare(head) in sheet for head in ("What it means here", "Smallest local"))
        if not headed and any(bare(row).translate(BRACKETS) in sheet for row in rows):
            yield f"sheet {number} has rows without a head"


def on_paper(folder, rows):
    pdf = folder / "report.pdf"
    run = lambda *command: subprocess.run(command, check=True, capture_output=True, text=True).stdout
    about = run("pdfinfo", str(pdf))
    if not re.search(r"Tagged:\s+yes", about):
        yield "the PDF has no tags"
    for font in run("pdffonts", str(pdf)).splitlines()[2:]:
        if " yes yes yes" not in font:
            yield f"font not embedded, subset and mapped to Unicode: {font}"
    text = run("pdftotext", "-layout", str(pdf), "-")
    for details in (read(folder, "bias_details.json"), read(folder, "explanations_details.json")):
        for file in details.get("run", {}).get("inputs", []):
            if file["sha256"] not in text:
                yield f"the digest of {file['name']} cannot be copied from the PDF"
    if "\ufffd" in text:
        yield "the PDF has letters without a meaning"
    # Readers give scripts that run from right to left in an order of their own, and what no font has is a number.
    plain = [name for name in names(folder) if all(unicodedata.bidirectional(c) not in ("R", "AL") for c in name)]
    plain = ["".join(f"[U+{ord(c):04X}]" if ord(c) > 0xFFFF else c for c in name) for name in plain]
    raw = run("pdftotext", "-raw", str(pdf), "-")
    text += raw
    gone = lost(rows, raw)
    if gone:
        yield f"the PDF lacks {len(gone)} of {len(rows)} rows, as {gone[:3]}"
    gone = missing([name for name in plain if "\u200d" not in name], text)
    if gone:
        yield f"the PDF lacks {gone[:5]}"


def as_notebook(folder, rows):
    notebook = nbformat.read(folder / "report.ipynb", as_version=4)
    nbformat.validate(notebook)
    sources = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    plain = "\n".join(str(output.data.get("text/plain", "")) for output in outputs)
    stored = re.sub(r"\\(.)", r"\1", plain + sources)
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&#36;", "$"), ("&quot;", '"'), ("&#39;", "'"), ("&amp;", "&")):
        stored = stored.replace(entity, letter)
    gone = missing([re.sub(r"\\(.)", r"\1", name) for name in names(folder)], stored)
    if gone:
        yield f"its stored content lacks {gone[:5]}"
    gone = lost(rows, plain)
    if gone:
        yield f"its stored tables lack {len(gone)} of {len(rows)} rows, as {gone[:3]}"


def executes(folder):
    """What a user gets who runs it again beside the files."""
    notebook = nbformat.read(folder / "report.ipynb", as_version=4)
    with tempfile.TemporaryDirectory() as scratch:
        for path in folder.glob("*.json"):
            shutil.copy(path, scratch)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = []
        resources = {"metadata": {"path": scratch}}
        quiet = ["--log-level=40"]
        NotebookClient(
            notebook, timeout=600, startup_timeout=300, resources=resources, extra_arguments=quiet
        ).execute()
    calls = [cell for cell in notebook.cells if cell.cell_type == "code"][1:]
    found = []
    for cell in calls:
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        errors = [output for output in cell.outputs if output.output_type in ("error", "stream")]
        shown = str(cell.outputs)
        drawn = "chart" in cell.source and "No finite value to draw" not in shown
        wanted = "image/png" if drawn else "text/plain"
        if errors or wanted not in kinds:
            found.append(f"`{cell.source[:60]}` gives {sorted(kinds)} {str(errors)[:200]}")
    return found


if __name__ == "__main__":
    main()
