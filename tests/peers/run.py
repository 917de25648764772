#!/usr/bin/env python3
"""run.py PROGRAMS [--work NAME,..] [--scale FACTOR] [--turns N] [--page FILE]: our programs beside others, on the same data.

In each comparison all programs run in turn, so often as `--turns` says, as processes of their own; results must be equal before
a time counts; a difference ends the comparison, and in the end the run with an error. The peers are installed below target/peers; one that cannot be, or needs more
time or memory than `--limit-seconds` and `--limit-gb`, is left out with a line that says so. Tables are printed in Markdown;
with `--page` they, and the pictures of `growth`, replace those of that page.
"""

import argparse
import importlib
import os
import re
import shutil
import sys
import traceback
from pathlib import Path

import shared

WORK = ["merge", "bias", "flip", "attributions", "data-quality", "model-quality", "growth"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=Path)
    parser.add_argument("--work", default="", help=f"some of {' '.join(WORK)}; all without it")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the data of a full run")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--limit-seconds", type=float, default=600.0, help="of one run of a peer")
    parser.add_argument("--limit-gb", type=float, help="of one run of a peer; three quarters of the machine without it")
    parser.add_argument("--page", type=Path)
    arguments = parser.parse_args()
    wanted = arguments.work.replace(",", " ").split() or WORK
    if unknown := set(wanted) - set(WORK):
        parser.error(f"no work named {', '.join(sorted(unknown))}; known: {' '.join(WORK)}")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6
    limit_mb = arguments.limit_gb * 1000 if arguments.limit_gb else 0.75 * memory
    python, missing = shared.environment()
    work = shared.ROOT / "scratch" / "peers"
    pictures = (arguments.page.parent if arguments.page else shared.ROOT / "target" / "peers") / "pictures"
    bench = shared.Bench(arguments.programs.resolve(), work, python, missing, arguments.scale, arguments.turns,
                         arguments.limit_seconds, limit_mb, pictures)
    size = "" if arguments.scale == 1 else f" Data of {arguments.scale:g} times the size of a full run."
    turns = f"{arguments.turns} runs each, in turn; medians, with least and largest." if arguments.turns > 1 else "One run each."
    header = f"{shared.machine()} {turns}{size}"
    print(header + "\n", flush=True)
    failed = []
    for name in wanted:
        module = importlib.import_module(name.replace("-", "_"))
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        print(f"## {module.TITLE}\n", flush=True)
        try:
            module.bench(bench)
        except Exception:  # The other comparisons still count.
            traceback.print_exc()
            failed.append(name)
            continue
        finally:
            shutil.rmtree(work, ignore_errors=True)
        bench.page[name] = header + "\n\n" + bench.page[name]
        if arguments.page:
            replace(arguments.page, name, bench.page[name])
    if failed:
        sys.exit(f"no figures of {', '.join(failed)}: see the errors above")


def replace(page, name, text):
    """Puts new figures between the marks of a comparison."""
    pattern = re.compile(rf"(<!-- figures: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    old = page.read_text()
    if not pattern.search(old):
        sys.exit(f"{page} has no place for the figures of {name}: `<!-- figures: {name} -->`, later `<!-- end -->`")
    page.write_text(pattern.sub(lambda found: found[1] + "\n" + text + found[2], old))


if __name__ == "__main__":
    main()
