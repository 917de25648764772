"""Checks the reports below a folder, one run in each folder of it.

In a browser: nothing is loaded, nothing is run, nothing overflows a phone, and the accessibility checker finds
nothing in light, dark and narrow; without scripts all is there. On paper: tagged, fonts embedded, the same names.
The notebook: valid, complete with its stored outputs, and its code makes tables and charts again.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
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
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def main():
    folders = sorted(path.parent for path in Path(sys.argv[1]).glob("*/report.html"))
    if not folders:
        sys.exit(f"no reports below {sys.argv[1]}")
    failures = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for folder in folders:
            found = [*in_browser(browser, folder), *on_paper(folder), *as_notebook(folder)]
            failures += [f"{folder.name}: {text}" for text in found]
            print(f"{folder.name}: {'FAILED' if found else 'ok'}", flush=True)
        browser.close()
    for failure in failures:
        print(failure)
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
        wanted += [violation["metric_name"], violation.get("facet", violation.get("label"))]
    return list(dict.fromkeys(wanted))


def bare(text):
    """Without what line breaks and direction add."""
    return re.sub(r"[\s\u200b\u2066-\u2069\u200e\u200f]", "", text)


def missing(wanted, text):
    text = bare(text)
    return [name for name in wanted if bare(name) not in text]


def in_browser(browser, folder):
    address = (folder / "report.html").resolve().as_uri()
    for screen, options in SCREENS.items():
        context = browser.new_context(**options)
        page = context.new_page()
        asked, told = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("dialog", lambda dialog: (told.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true })")
        if asked != [address]:
            yield f"{screen}: loads {asked[1:3]}"
        if told:
            yield f"{screen}: says {told[:3]}"
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            yield f"{screen}: {wide} pixels wider than the screen"
        for violation in Axe().run(page, options=RULES).response["violations"]:
            first = violation["nodes"][0]
            yield f"{screen}: {violation['id']}: {violation['help']}: {first['html'][:160]} ({len(violation['nodes'])})"
        if screen == "desktop":
            yield from tools(page)
        context.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    gone = missing(names(folder), text_of(page))
    if gone:
        yield f"without scripts the page lacks {gone[:5]}"
    context.close()


def text_of(page):
    """All text of the page, folded parts too."""
    return page.locator("body").text_content()


def tools(page):
    """Sorting sorts, the filter hides and shows again."""
    table = page.locator(".long table").first
    if table.count():
        before = table.locator("tbody tr").count()
        head = table.locator("thead th.number button").first
        head.click()
        exact = table.evaluate(
            "(table) => { const column = [...table.tHead.rows[0].cells].findIndex((c) => c.ariaSort || c.getAttribute('aria-sort'));"
            " return [...table.tBodies[0].rows].map((r) => parseFloat(r.cells[column].dataset.exact)).filter(isFinite) }"
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


def on_paper(folder):
    pdf = folder / "report.pdf"
    run = lambda *command: subprocess.run(command, check=True, capture_output=True, text=True).stdout
    about = run("pdfinfo", str(pdf))
    if not re.search(r"Tagged:\s+yes", about):
        yield "the PDF has no tags"
    for font in run("pdffonts", str(pdf)).splitlines()[2:]:
        if " yes yes yes" not in font:
            yield f"font not embedded, subset and mapped to Unicode: {font}"
    text = run("pdftotext", "-layout", str(pdf), "-")
    if "\ufffd" in text:
        yield "the PDF has letters without a meaning"
    # Readers give scripts that run from right to left in an order of their own, and what no font has is a number.
    plain = [name for name in names(folder) if all(unicodedata.bidirectional(c) not in ("R", "AL") for c in name)]
    plain = ["".join(f"[U+{ord(c):04X}]" if ord(c) > 0xFFFF else c for c in name) for name in plain]
    text += run("pdftotext", "-raw", str(pdf), "-")
    gone = missing([name for name in plain if "\u200d" not in name], text)
    if gone:
        yield f"the PDF lacks {gone[:5]}"


def as_notebook(folder):
    notebook = nbformat.read(folder / "report.ipynb", as_version=4)
    nbformat.validate(notebook)
    sources = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    stored = "\n".join(str(output.data.get("text/plain", "")) for output in outputs) + sources
    stored = re.sub(r"\\(.)", r"\1", stored)
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&#36;", "$"), ("&quot;", '"'), ("&#39;", "'"), ("&amp;", "&")):
        stored = stored.replace(entity, letter)
    gone = missing([re.sub(r"\\(.)", r"\1", name) for name in names(folder)], stored)
    if gone:
        yield f"the notebook's stored content lacks {gone[:5]}"
    with tempfile.TemporaryDirectory() as scratch:
        for path in folder.glob("*.json"):
            shutil.copy(path, scratch)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = []
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": scratch}}).execute()
    calls = [cell for cell in notebook.cells if cell.cell_type == "code"][1:]
    for cell in calls:
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        errors = [output for output in cell.outputs if output.output_type in ("error", "stream")]
        shown = str(cell.outputs)
        drawn = "chart" in cell.source and "No finite value to draw" not in shown
        wanted = "image/png" if drawn else "text/plain"
        if errors or wanted not in kinds:
            yield f"run again, `{cell.source[:60]}` gives {sorted(kinds)} {str(errors)[:200]}"


if __name__ == "__main__":
    main()
