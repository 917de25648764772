#!/usr/bin/env python3
"""Holds the dependencies against deny.toml, with nothing but cargo: licences, sources and bans, as `cargo deny` does, and that
each declared dependency is used. What it cannot know without a database are advisories."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORDS = re.compile(r"\(|\)|[^\s()/]+(?:\s+WITH\s+[^\s()/]+)?|/")


def allowed(expression: str, licences: set[str]) -> bool:
    """Whether an SPDX expression can be met with these licences; `/` is an old way to write OR."""
    words = {"AND": "and", "OR": "or", "/": "or", "(": "(", ")": ")"}
    terms = [words.get(word, str(" ".join(word.split()) in licences)) for word in WORDS.findall(expression)]
    return bool(terms) and bool(eval(" ".join(terms)))  # only True, False, and, or and parentheses


def names(crate: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(crate.replace('-', '_'))}\b", text) is not None


def main() -> int:
    deny = tomllib.loads((ROOT / "deny.toml").read_text())
    licences = set(deny["licenses"]["allow"])
    banned = {entry["crate"]: entry["reason"] for entry in deny["bans"]["deny"]}
    passed, faults = 0, []

    def check(good: bool, fault: str) -> None:
        nonlocal passed
        if good:
            passed += 1
        else:
            faults.append(fault)

    for target in deny["graph"]["targets"]:
        command = ["cargo", "metadata", "--locked", "--format-version=1", "--filter-platform", target]
        metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
        own = set(metadata["workspace_members"])
        used = {node["id"] for node in metadata["resolve"]["nodes"]}
        for package in metadata["packages"]:
            if package["id"] not in used:
                continue
            name = f"{package['name']} {package['version']} ({target})"
            check(allowed(package["license"] or "", licences), f"{name}: the licence `{package['license']}` is not allowed")
            check(package["name"] not in banned, f"{name}: {banned.get(package['name'])}")
            if package["id"] not in own:
                source = package["source"] or "a folder"
                check(source.startswith("registry+"), f"{name}: comes from {source}")
    for package in metadata["packages"]:
        if package["id"] not in own:
            continue
        # Sources of this package wherever its targets lie, not only below its folder.
        folders = {Path(target["src_path"]).parent for target in package["targets"]}
        files = {file for folder in folders for file in folder.rglob("*.rs")}
        text = "\n".join(file.read_text() for file in sorted(files))
        for dependency in package["dependencies"]:
            check(
                names(dependency["rename"] or dependency["name"], text),
                f"{package['name']}: {dependency['name']} is declared and not used",
            )
    listed = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["dependencies"]
    declared = {dependency["name"] for package in metadata["packages"] if package["id"] in own for dependency in package["dependencies"]}
    for crate in listed:
        check(crate in declared, f"Cargo.toml: {crate} is listed and no package uses it")

    for fault in faults:
        print(f"FAIL  {fault}")
    print(f"{passed} passed, {len(faults)} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
