#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The files of CI and of CMake's presets agree with what there is.

appveyor.yml and .github/workflows/*.yml parse, have the parts that their services
ask for, hold no logic of their own (each command is one line that calls a
script, make, cmake or ctest), and every preset, script, make target and file that they
name exists. Actions are pinned by major version. Presets: JSON, nothing inherits
or builds on a preset that is not there, and CMake 3.21's file has nothing newer.
"""

import json
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
faults = []


def fault(path, text):
    faults.append(f"{path.relative_to(ROOT)}: {text}")


# ---- presets -----------------------------------------------------------------

KINDS = ("configurePresets", "buildPresets", "testPresets", "workflowPresets")


def load_presets():
    main = json.loads((ROOT / "CMakePresets.json").read_text())
    flows = json.loads((ROOT / "cmake/workflow-presets.json").read_text())
    names = {kind: set() for kind in KINDS}
    for document in (main, flows):
        for kind in KINDS:
            names[kind] |= {preset["name"] for preset in document.get(kind, [])}
    return main, flows, names


def check_presets():
    main, flows, names = load_presets()
    path = ROOT / "CMakePresets.json"
    if main["version"] != 3:
        fault(path, "version 3 is what CMake 3.21 reads")
    for key in set(main) - {"version", "cmakeMinimumRequired", *KINDS[:3]}:
        fault(path, f"CMake 3.21 does not know {key}")
    for preset in main["configurePresets"]:
        parents = preset.get("inherits", [])
        for parent in [parents] if isinstance(parents, str) else parents:
            if parent not in names["configurePresets"]:
                fault(path, f"{preset['name']} inherits {parent}, which is not there")
        chain = preset.get("toolchainFile", "")
        if chain.startswith("${sourceDir}/") and not (ROOT / chain[13:]).exists():
            fault(path, f"{preset['name']}: {chain} is not there")
    for document, where in ((main, path), (flows, ROOT / "cmake/workflow-presets.json")):
        for kind in ("buildPresets", "testPresets"):
            for preset in document.get(kind, []):
                base = preset.get("configurePreset", preset.get("inherits"))
                if base not in names["configurePresets"]:
                    fault(where, f"{preset['name']}: no preset {base}")
        for flow in document.get("workflowPresets", []):
            for step in flow["steps"]:
                if step["name"] not in names[step["type"] + "Presets"]:
                    fault(where, f"{flow['name']}: no {step['type']} preset {step['name']}")
    return names


# ---- commands ----------------------------------------------------------------


def make_targets():
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))


def check_command(path, line, names, values):
    """`values`: what the matrix may put for each of its words."""
    words = re.findall(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}", line) + re.findall(r"%(\w+)%|\$env:(\w+)", line)
    for expanded in expand(line.replace("\\", "/"), words, values):
        for kind, pattern in (
            ("workflowPresets", r"--workflow --preset[= ]([\w-]+)|-DRUN=([\w-]+)"),
            ("buildPresets", r"--build --preset[= ]([\w-]+)"),
            ("testPresets", r"ctest --preset[= ]([\w-]+)"),
            ("configurePresets", r"cmake --preset[= ]([\w-]+)"),
        ):
            for match in re.finditer(pattern, expanded):
                name = next(group for group in match.groups() if group)
                if name not in names[kind]:
                    fault(path, f"no {kind[:-7]} preset {name}: {expanded}")
        check_windows(path, expanded, names)
        for script in re.findall(r"(?<![\w/])(?:\.?/)?((?:scripts|\.ci|cmake)/[\w./-]+)", expanded):
            if not (ROOT / script).exists():
                fault(path, f"{script} is not there")
        for target in re.findall(r"(?:^|[;&] *)make ([a-z-]+)", expanded):
            if target not in make_targets():
                fault(path, f"no target `make {target}`")
        for suite in re.findall(r"test-matrix\.sh ([\w -]+)", expanded):
            known = set(re.findall(r"^  ([\w-]+)\)", (ROOT / "scripts/test-matrix.sh").read_text(), flags=re.M))
            for word in suite.split():
                if word not in known:
                    fault(path, f"test-matrix.sh knows no suite {word}")


def check_windows(path, line, names):
    """scripts/ci-windows.cmd SHELL WHAT PRESET hands the preset on."""
    match = re.search(r"ci-windows\.cmd \S+ (\w+)(?: ([\w-]+))?$", line)
    if not match:
        return
    what, preset = match.groups()
    if f'"{what}"' not in (ROOT / "scripts/ci-windows.cmd").read_text() and what != "install":
        fault(path, f"ci-windows.cmd does not know {what}")
    if preset and preset not in names["configurePresets"]:
        fault(path, f"no preset {preset}: {line}")
    if what == "test" and preset and f"test-{preset}" not in names["workflowPresets"]:
        fault(path, f"no workflow test-{preset}: {line}")


def expand(line, words, values):
    lines = [line]
    for word in words:
        word = word if isinstance(word, str) else next(part for part in word if part)
        choices = values.get(word)
        if choices is None:
            continue
        pattern = rf"\$\{{\{{\s*matrix\.{re.escape(word)}\s*\}}\}}|%{word}%|\$env:{word}\b"
        lines = [re.sub(pattern, lambda _m, c=choice: str(c), text) for text in lines for choice in choices]
    return lines


def no_logic(path, line):
    if "\n" in line.strip():
        fault(path, f"more than one line; that belongs into a script:\n{line}")
    if re.search(r"(^|\s)(if|for|while|case)\s", line):
        fault(path, f"logic belongs into a script: {line}")


# ---- GitHub ------------------------------------------------------------------


def matrix_values(job):
    values = {}
    matrix = job.get("strategy", {}).get("matrix", {})
    for key, choice in matrix.items():
        if key == "include":
            for row in choice:
                for word, value in row.items():
                    values.setdefault(word, []).append(value)
        elif isinstance(choice, list):
            values.setdefault(key, []).extend(choice)
    return values


def check_workflow(path, names):
    document = yaml.safe_load(path.read_text())
    # YAML 1.1 reads the word `on` as true.
    if True not in document and "on" not in document:
        fault(path, "says nowhere when it runs (on:)")
    if document.get("permissions") != {"contents": "read"}:
        fault(path, "permissions are contents: read")
    if "concurrency" not in document:
        fault(path, "has no concurrency group")
    for name, job in document["jobs"].items():
        if "runs-on" not in job:
            fault(path, f"{name}: no runs-on")
        if "timeout-minutes" not in job:
            fault(path, f"{name}: no timeout-minutes")
        values = matrix_values(job)
        for step in job.get("steps", []):
            if "uses" in step and not re.match(r"[\w-]+/[\w./-]+@v\d+$", step["uses"]):
                fault(path, f"{name}: {step['uses']} is not pinned to a major version")
            if "run" in step:
                no_logic(path, step["run"])
                check_command(path, step["run"], names, values)
            for value in (step.get("with") or {}).values():
                check_command(path, str(value), names, values)


# ---- AppVeyor ----------------------------------------------------------------


def check_appveyor(path, names):
    document = yaml.safe_load(path.read_text())
    for part in ("version", "image", "environment", "build_script", "test_script"):
        if part not in document:
            fault(path, f"has no {part}")
    values = {}
    for row in document.get("environment", {}).get("matrix", []):
        for word, value in row.items():
            values.setdefault(word, []).append(value)
    for part in ("install", "before_build", "build_script", "test_script", "after_test", "on_finish"):
        for step in document.get(part, []):
            line = next(iter(step.values())) if isinstance(step, dict) else step
            no_logic(path, line)
            check_command(path, line, names, values)


def main():
    names = check_presets()
    workflows = sorted((ROOT / ".github/workflows").glob("*.yml"))
    if not workflows:
        fault(ROOT / ".github/workflows", "is empty")
    for path in workflows:
        check_workflow(path, names)
    check_appveyor(ROOT / "appveyor.yml", names)
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
