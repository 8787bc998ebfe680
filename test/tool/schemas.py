#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the tool prints with --json is what docs/schema says: every command that
has the option is run, on real objects, and nothing comes that is not described.

    UVSHM_TOOL=build/tools/uvshm/uvshm python3 test/tool/schemas.py

Exits with 77, which is "skipped", without python3-jsonschema.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid

try:
    import jsonschema
except ImportError:
    print("skipped: there is no python3-jsonschema")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOOL = os.path.abspath(os.environ.get("UVSHM_TOOL", "uvshm"))
NAME = f"test-schemas-{os.getpid()}-{uuid.uuid4().hex[:8]}"
PATIENCE = 60

# These take JSON and print none.
READERS = {"send"}
# A schema for more than one command.
SHARED = {"map take": "map-get", "map wait": "map-get"}

checked = {}


def load(name):
    with open(ROOT / "docs" / "schema" / f"{name}.schema.json") as file:
        return strict(json.load(file))


def strict(part):
    """References replaced by what they mean, and no member that is not told."""
    if isinstance(part, list):
        return [strict(item) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return load(part["$ref"].replace(".schema.json", ""))
    result = {key: strict(value) for key, value in part.items()}
    if "properties" in part:
        result["additionalProperties"] = False
    return result


def all_have_descriptions(name, part, path=""):
    for member, value in part.get("properties", {}).items():
        at = f"{path}.{member}"
        if not {"description", "$ref", "const"} & set(value) and "type" not in value:
            raise AssertionError(f"{name}: {at} is not described")
        if value.get("type") in ("string", "integer", "number", "boolean") \
                and not value.get("description"):
            raise AssertionError(f"{name}: {at} is not described")
        all_have_descriptions(name, value, at)
        if isinstance(value.get("items"), dict):
            all_have_descriptions(name, value["items"], at + "[]")


def run(*words, stdin=None, codes=(0,)):
    done = subprocess.run([TOOL, *words], capture_output=True, input=stdin,
                          timeout=PATIENCE)
    if done.returncode not in codes:
        raise AssertionError(f"uvshm {' '.join(words)}: {done.returncode}, "
                             f"{done.stderr.decode()}")
    return done.stdout


def validate(name, document):
    jsonschema.Draft202012Validator(load(name)).validate(document)
    checked[name] = checked.get(name, 0) + 1


def document(name, *words, **more):
    found = json.loads(run(*words, **more))
    validate(name, found)
    return found


def lines(name, *words, least=1, **more):
    found = [json.loads(line) for line in run(*words, **more).splitlines()]
    assert len(found) >= least, f"uvshm {words} printed {len(found)} lines"
    for line in found:
        validate(name, line)
    return found


class Holder:
    """A lock that is held, and a channel in use, while others look."""

    def __enter__(self):
        self.lock = subprocess.Popen([TOOL, "lock", f"{NAME}-lock", "--", "sleep",
                                      "60"])
        self.reader = subprocess.Popen(
            [TOOL, "recv", "--kind", "topic", "--lines", "-f", f"{NAME}-topic"],
            stdout=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            text = run("ls", f"{NAME}-*").decode()
            if "held by" in text and "topic" in text:
                return self
            time.sleep(0.05)
        raise AssertionError("the others did not begin")

    def __exit__(self, *_):
        for process in (self.lock, self.reader):
            process.terminate()
            process.wait()


def objects():
    run("create", NAME, "--segment", "--size", "1M", "--keep")
    run("create", f"{NAME}-sem", "--sem", "--value", "3", "--keep")
    run("create", f"{NAME}-region", "--size", "8K", "--keep")
    run("map", "create", f"{NAME}/m")
    run("map", "put", f"{NAME}/m", "text", "value", "--ttl", "1000")
    run("map", "put", f"{NAME}/m", "--base64", "/w==", "/v8=")
    run("map", "add", f"{NAME}/m", "count", "12")
    options = ("--kind", "queue", "--lines", "--capacity", "4K", "--largest",
               "64", f"{NAME}/q")
    reader = subprocess.Popen([TOOL, "recv", *options],
                              stdout=subprocess.DEVNULL)
    run("send", *options, stdin=b"one\ntwo\n")
    reader.wait(PATIENCE)


def test_objects():
    with Holder():
        listed = document("ls", "ls", "--json", f"{NAME}*")["objects"]
        kinds = {entry["kind"] for entry in listed}
        assert {"segment", "sem", "region", "mutex", "channel"} <= kinds, kinds
        for entry in listed:
            document("info", "info", "--json", entry["name"])
        looks = lines("top", "top", "--json", "-n", "2", "-d", "0.1", f"{NAME}*",
                      least=2)
        found = {entry["name"]: entry for entry in looks[1]["objects"]}
        holds = {part["name"]: part for part in found[NAME]["holds"]}
        assert holds["m"]["entries"] == 3 and holds["m"]["rate"] == 0, holds
        assert holds["q"]["channel"] == "queue", holds
        assert found[f"{NAME}-lock"]["locked"], found
    assert document("check", "check", "--json", NAME)["well"]
    document("repair", "repair", "--json", NAME)
    foreign = subprocess.run([TOOL, "ls", "--foreign", "--json"], timeout=PATIENCE,
                             capture_output=True)
    # A system that lists none says so, and prints nothing.
    if b"does not list" in foreign.stderr:
        assert foreign.returncode == 1 and not foreign.stdout, foreign
    else:
        assert foreign.returncode == 0, foreign
        validate("ls", json.loads(foreign.stdout))


def test_damaged():
    """A segment whose bytes are noise, and one of which only some are."""
    where = json.loads(run("info", "--json", NAME))["object"]["system_name"]
    if not os.path.exists(where):
        return
    with open(where, "r+b") as file:
        before = file.read()
        for seed in range(1, 9):
            noise = bytearray(before)
            for i in range(64 * seed):
                at = (i * 7919 * seed + 128) % (len(noise) - 8)
                noise[at] = (i * 31 + seed) & 255
            file.seek(0)
            file.write(noise)
            file.flush()
            lines("top", "top", "--json", "-n", "1", NAME)
            document("ls", "ls", "--json", NAME)
            document("info", "info", "--json", NAME, codes=(0, 7))
        file.seek(0)
        file.write(before)


def test_maps():
    place = f"{NAME}/m"
    assert document("map-get", "map", "get", "--json", place, "text")["value"] \
        == "value"
    document("map-get", "map", "get", "--json", "--base64", place, "/w==")
    lines("map-keys", "map", "keys", "--json", place, least=3)
    dumped = lines("map-dump", "map", "dump", place, least=3)
    assert any("ttl_ms" in line for line in dumped), dumped
    waiting = subprocess.Popen([TOOL, "map", "wait", "--json", place, "count"],
                               stdout=subprocess.PIPE)
    for _ in range(200):
        if waiting.poll() is not None:
            break
        run("map", "add", place, "count")
        time.sleep(0.05)
    validate("map-get", json.loads(waiting.communicate(timeout=PATIENCE)[0]))
    document("map-get", "map", "take", "--json", place, "count")


def test_channels():
    channel = f"{NAME}-copy"
    reader = subprocess.Popen([TOOL, "recv", "--json", channel],
                              stdout=subprocess.PIPE)
    run("send", "--hex", channel, stdin=b"616263\nff00\n")
    output = reader.communicate(timeout=PATIENCE)[0]
    found = [json.loads(line) for line in output.splitlines()]
    assert len(found) == 2, found
    for line in found:
        validate("recv", line)


def test_watch():
    watch = subprocess.Popen([TOOL, "watch", "--json", "-n", "3", NAME],
                             stdout=subprocess.PIPE)
    for i in range(400):
        if watch.poll() is not None:
            break
        run("map", "put", f"{NAME}/m", "seen", str(i))
        time.sleep(0.02)
    for line in watch.communicate(timeout=PATIENCE)[0].splitlines():
        validate("watch", json.loads(line))


def test_machine():
    found = document("doctor", "doctor", "--json", codes=(0, 1))
    anchors = (ROOT / "docs" / "doctor.md").read_text()
    for check in found["checks"]:
        anchor = check["docs"].split("#")[1]
        assert f"\n## {anchor.replace('-', ' ')}\n" in anchors, anchor
    document("help", "help", "--json")
    folder = tempfile.mkdtemp()
    picture = os.path.join(folder, "bench.svg")
    results = document("bench", "bench", "--json", "-n", "2", "--svg", picture)
    assert len(results["results"]) >= 15
    assert all(0 < r["least_ns"] <= r["median_ns"] <= r["most_ns"]
               for r in results["results"])
    with open(picture) as file:
        text = file.read()
    assert text.startswith("<svg") and text.rstrip().endswith("</svg>")
    import xml.dom.minidom
    xml.dom.minidom.parseString(text)
    shutil.rmtree(folder)


def test_php():
    """Needs PHP, whose variables these are."""
    php = shutil.which("php")
    probe = php and subprocess.run(
        [php, "-r", "exit(function_exists('shm_attach') ? 0 : 1);"]).returncode
    if php is None or probe != 0:
        return False
    key = "0x" + uuid.uuid4().hex[:7]
    number = int(key, 16)
    script = ("$s = shm_attach(%d, 65536, 0600);" % number +
              "shm_put_var($s, 1, 'text'); shm_put_var($s, 2, 2.5);"
              "shm_put_var($s, 3, null); shm_put_var($s, 4, [1, 2]);")
    try:
        subprocess.run([php, "-r", script], check=True)
        lines("php-keys", "php", "keys", "--json", key, least=4)
        for variable in "1234":
            document("php-get", "php", "get", "--json", key, variable)
    finally:
        subprocess.run([php, "-r", "shm_remove(shm_attach(%d));" % number])
    return True


def every_command_is_covered(php):
    commands = json.loads(run("help", "--json"))["commands"]
    for command in commands:
        options = {option["name"] for option in command["options"]}
        name = command["name"]
        if "json" not in options or name in READERS:
            continue
        schema = SHARED.get(name, name.replace(" ", "-"))
        if schema.startswith("php-") and not php:
            continue
        assert checked.get(schema), f"uvshm {name} --json was not looked at"
    table = (ROOT / "docs" / "json.md").read_text()
    for path in (ROOT / "docs" / "schema").glob("*.json"):
        with open(path) as file:
            found = json.load(file)
        jsonschema.Draft202012Validator.check_schema(found)
        all_have_descriptions(path.name, found)
        assert f"(schema/{path.name})" in table, f"{path.name} is not in json.md"
        stem = path.name.replace(".schema.json", "")
        if stem != "object" and (php or not stem.startswith("php-")):
            assert checked.get(stem), f"nothing was held against {path.name}"


def clean_up():
    for name in re.findall(r'"name": "(%s[^"]*)"' % NAME,
                           run("ls", "--json", f"{NAME}*").decode()):
        subprocess.run([TOOL, "rm", "-f", name], capture_output=True)


def main():
    try:
        objects()
        test_objects()
        test_damaged()
        test_maps()
        test_channels()
        test_watch()
        test_machine()
        every_command_is_covered(test_php())
    finally:
        clean_up()
    for name, count in sorted(checked.items()):
        print(f"{name}: {count} documents or lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
