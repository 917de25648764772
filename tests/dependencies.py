#!/usr/bin/env python3
"""Holds the dependencies against deny.toml, with nothing but cargo: licences, sources and bans, as `cargo deny` does, and that
each declared dependency is used. What it cannot know without a database are advisories. Holds the bills of materials of the
images against what cargo knows, too."""

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


IMAGES = ["merge-job", "analyzer-job", "plumbline-model-server"]


def faults_of_bill(program: str, metadata: dict) -> list[str]:
    """What is wrong with the bill of materials that goes into the image of a program. `metadata`: of the images' target."""
    written = subprocess.run([ROOT / "docker/materials.sh", program], check=True, stdout=subprocess.PIPE).stdout
    bill = json.loads(written)
    parts = [bill["metadata"]["component"], *bill["components"]]
    faults = []

    def check(good: bool, fault: str) -> None:
        if not good:
            faults.append(f"bill of materials of {program}: {fault}")

    packages = {(package["name"], package["version"]): package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    named = {(part["name"], part.get("version")) for part in parts}
    check(parts[0]["name"] == program and len(named) == len(parts), "another program, or a part twice")
    for part in parts:
        name = part["name"]
        check(bool(part["licenses"][0]["expression"].strip()), f"{name} has no licence")
        if "purl" not in part:
            continue
        package = packages.get((name, part["version"]))
        if package is None:
            check(False, f"{name} {part['version']} is not what cargo builds")
            continue
        check(part["purl"] == f"pkg:cargo/{name}@{part['version']}", f"{name} has the address {part['purl']}")
        is_fetched = package["source"] is not None
        check(("hashes" in part) == is_fetched, f"the hash of {name}")
        if is_fetched:
            continue
        # Of our own crates all that they need is linked, whatever features others ask for.
        for needed in nodes[package["id"]]["deps"]:
            found = next(package for package in metadata["packages"] if package["id"] == needed["pkg"])
            is_linked = any(kind["kind"] is None for kind in needed["dep_kinds"])
            is_macro = any("proc-macro" in target["kind"] for target in found["targets"])
            if is_linked and not is_macro:
                check((found["name"], found["version"]) in named, f"{found['name']} is missing")
    others = {part["name"] for part in parts if "purl" not in part}
    check({"rust-std", "glibc"} <= others, "the standard library or the C library is missing")
    for crate, inside in [("zstd-sys", "zstd"), ("krilla", "Inter-Regular.otf")]:
        check((crate in {name for name, _ in named}) == (inside in others), f"{inside} belongs to {crate}")
    return sorted(set(faults))


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
        if target == "x86_64-unknown-linux-gnu":
            for program in IMAGES:
                found = faults_of_bill(program, metadata)
                check(not found, "; ".join(found))
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
