"""Schemas applied in the process that is made for it: what they say, and what hostile ones cannot do."""

from __future__ import annotations

import gc
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitferry.pushback import schema_process
from gitferry.pushback.schema_process import SchemaProcess, SchemaWorkers, Unchecked
from gitferry.tests.pushback.checking import shown

MANIFEST = "tasks/a/metadata.json"
SCHEMA = "schemas/task.schema.json"


class Applied:
    """A process, and the files of a repository."""

    def __init__(self) -> None:
        self.workers = SchemaWorkers()
        self.process = SchemaProcess(self.workers)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []

    def __call__(self, schema: Any, manifest: Any, name: str = MANIFEST, version: str = "1") -> list[str]:
        self.files[SCHEMA] = as_bytes(schema)
        found = self.process.manifest(name, as_bytes(manifest), SCHEMA, version, self._fetch)
        return [shown(finding) for finding in found]

    def schema(self, schema: Any) -> list[str]:
        return [shown(finding) for finding in self.process.schema(SCHEMA, as_bytes(schema))]

    def _fetch(self, path: str) -> bytes | None:
        self.asked.append(path)
        return self.files.get(path)


def as_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


@pytest.fixture(scope="module")
def shared() -> Iterator[Applied]:
    applied = Applied()
    yield applied
    applied.workers.close()


@pytest.fixture
def apply(shared: Applied) -> Applied:
    shared.files, shared.asked = {}, []
    shared.process = SchemaProcess(shared.workers)
    return shared


def check(apply: Applied, schema: Any, manifest: Any, name: str = MANIFEST) -> list[str]:
    """What is said, whatever was asked before: each schema is a version of its own."""
    return apply(schema, manifest, name, version=as_bytes(schema).hex())


# -- what is said


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"type": "string"}, 1.1, "a must be of type string, not number: put it in quotes"),
        ({"type": ["string", "null"]}, {}, "a must be of type string or null, not object"),
        ({"type": "boolean"}, "yes", "a must be of type boolean, not string: write true or false"),
        ({"required": ["b", "c d"]}, {}, 'a needs the keys "b", "c d"'),
        ({"enum": ["x", 1, None]}, "y", 'a must be one of "x", 1, null'),
        ({"const": "x"}, "y", 'a must be "x"'),
        ({"pattern": "^[a-z]+$"}, "A", 'a does not match the pattern "^[a-z]+$"'),
        ({"minLength": 3}, "xy", "a must have at least 3 characters"),
        ({"maximum": 3}, 4, "a must be at most 3"),
        ({"uniqueItems": True}, [1, 1], "a has an item twice"),
        ({"minItems": 2}, [1], "a must have at least 2 items"),
        ({"additionalProperties": False, "properties": {"b": {}}}, {"b": 1, "c": 2}, 'a must not have the key "c"'),
        ({"patternProperties": {"^x-": {}}, "additionalProperties": False}, {"x-a": 1, "y": 2}, 'not have the key "y"'),
        ({"unevaluatedProperties": False}, {"b": 1}, "a has a key that is not allowed"),
        ({"propertyNames": {"pattern": "^[a-z]$"}}, {"B": 1}, 'the key "B" does not match the pattern "^[a-z]$"'),
        ({"dependentRequired": {"b": ["c"]}}, {"b": 1}, 'a does not satisfy `dependentRequired: {"b": ["c"]}`'),
        ({"not": {"type": "string"}}, "x", "a has a form that is not allowed"),
        (False, 1, "a is not allowed"),
        ({"items": {"type": "string"}}, ["x", 1], "a[1] must be of type string, not number: put it in quotes"),
        (
            {"anyOf": [{"type": "string"}, {"type": "array"}]},
            1,
            "a must be of type string, not number: put it in quotes, or must be of type array, not number",
        ),
        (
            {"anyOf": [{"type": "string"}, {"required": ["b"]}]},
            {},
            'a must be of type string, not object, or needs the key "b"',
        ),
        ({"anyOf": [{"type": "string"}, {"properties": {"b": {"type": "string"}}}]}, {"b": []}, "not array"),
        ({"oneOf": [{}, {}]}, 1, "a has more than one of the forms, and only one is allowed"),
        ({"enum": ["x" * 500]}, 1, 'a must be one of "' + "x" * 58 + "…"),
    ],
)
def test_errors_are_said_in_words(apply: Applied, schema: Any, value: Any, said: str) -> None:
    (found,) = check(apply, {"properties": {"a": schema}}, {"a": value})
    assert found.startswith(f"stop {MANIFEST}:1: ")
    assert found.endswith(said)


def test_no_text_of_the_manifest_is_told(apply: Applied) -> None:
    canary = "s3cret-of-mine"
    schemas = [{"type": "integer"}, {"pattern": "^$"}, {"enum": [1]}, {"const": 1}, {"maxLength": 1}, {"not": {}}]
    schemas = [*schemas, {"anyOf": schemas[:3]}, {"oneOf": schemas}, {"format": "x", "$ref": "#/$defs/x"}]
    told = check(
        apply,
        {"$defs": {"x": False}, "properties": {str(number): each for number, each in enumerate(schemas)}},
        {str(number): canary for number in range(len(schemas))},
    )
    assert len(told) == 6
    assert canary not in str(told)


def test_errors_stand_on_their_lines_and_the_first_five_are_told(apply: Applied) -> None:
    manifest = "{\n" + ",\n".join(f'"k{number}": 1' for number in range(8)) + "\n}"
    schema = {"additionalProperties": {"type": "string"}}
    found = check(apply, schema, manifest)
    assert [line.split(" ")[1] for line in found] == [f"{MANIFEST}:{line}:" for line in (2, 3, 4, 5, 6, 7)]
    assert found[5].endswith("and 3 more from here on")


def test_yaml_is_told_by_its_lines(apply: Applied) -> None:
    manifest = "name: a\nversion: 1.10\nsteps:\n  - run: x\n  - ran: y\n"
    schema = {
        "properties": {"version": {"type": "string"}, "steps": {"items": {"required": ["run"]}}},
    }
    assert check(apply, schema, manifest, "t/task.yaml") == [
        "stop t/task.yaml:2: version must be of type string, not number: put it in quotes",
        'stop t/task.yaml:5: steps[1] needs the key "run"',
    ]
    assert check(apply, schema, "version: 2026-01-02\n", "t/task.yaml") == []


def test_a_manifest_that_cannot_be_read_is_told_by_its_line(apply: Applied) -> None:
    assert check(apply, {}, "a: 1\nb: *x\n", "t/task.yml") == ["stop t/task.yml:2: aliases (*name) are not read"]


def test_what_is_told_is_short_and_fits_a_line(apply: Applied) -> None:
    deep: Any = 1
    for number in range(40):
        deep = {f"a-rather-long-key-{number}\n": deep, "k" * 5000: 1}
    found = check(apply, {"additionalProperties": {"$ref": "#"}, "type": "object"}, deep)
    assert len(found) == 6
    assert all(len(line) < 250 and line.isprintable() for line in found)


def test_a_schema_may_be_yaml(apply: Applied) -> None:
    apply.files["s.yaml"] = b"type: object\nrequired:\n  - name\n"
    found = apply.process.manifest(MANIFEST, b"{}", "s.yaml", "1", apply._fetch)
    assert [finding.message for finding in found] == ['it needs the key "name"']


# -- what a schema may be


def test_a_schema_is_read_once_for_all_its_manifests(apply: Applied) -> None:
    schema = {"required": ["once"]}
    assert len(check(apply, schema, {})) == 1
    assert check(apply, schema, {"once": 1}) == []
    assert apply.asked == [SCHEMA]


@pytest.mark.parametrize(
    ("schema", "line", "said"),
    [
        ('{\n"properties": {\n"a": {\n"type": "strin"\n}}}', 4, "properties.a.type must be one of "),
        ('{"minLength": -1}', 1, "minLength must be at least 0"),
        ("[]", 1, "it is no JSON Schema: neither an object nor true or false"),
        ('{\n"$schema": "https://example.org/own"}', 2, "its $schema is none that is known"),
        ('{"$schema": 7}', 1, "its $schema is none that is known"),
        ('{"type": }', 1, "Expecting value"),
    ],
)
def test_a_schema_that_is_none_is_told(apply: Applied, schema: str, line: int, said: str) -> None:
    for found in (check(apply, schema, {}), apply.schema(schema)):
        assert len(found) == 1
        assert found[0].startswith(f"stop {SCHEMA}:{line}: {said}")


def test_a_schema_that_is_not_there_is_told(apply: Applied) -> None:
    found = apply.process.manifest(MANIFEST, b"{}", "nowhere.json", "absent", apply._fetch)
    assert [shown(finding) for finding in found] == ["stop nowhere.json: there is no such schema"]


@pytest.mark.parametrize(
    ("dialect", "schema"),
    [
        ("http://json-schema.org/draft-03/schema#", {"properties": {"a": {"required": True}}}),
        ("http://json-schema.org/draft-04/schema#", {"properties": {"a": {"minimum": 1, "exclusiveMinimum": True}}}),
        ("http://json-schema.org/draft-06/schema#", {"properties": {"a": {"exclusiveMinimum": 1}}}),
        ("http://json-schema.org/draft-07/schema", {"properties": {"a": {"if": {"const": 1}, "then": False}}}),
        ("https://json-schema.org/draft-07/schema#", {"definitions": {"x": False}, "$ref": "#/definitions/x"}),
        ("https://json-schema.org/draft/2019-09/schema", {"dependentRequired": {"a": ["b"]}}),
        ("https://json-schema.org/draft/2020-12/schema", {"properties": {"a": {"prefixItems": [False]}}}),
        (None, {"properties": {"a": {"minimum": 1, "exclusiveMinimum": True}}}),
        (None, {"properties": {"a": {"items": [False]}}}),
    ],
)
def test_every_dialect_is_known(apply: Applied, dialect: str | None, schema: dict[str, Any]) -> None:
    wanted = schema if dialect is None else {"$schema": dialect, **schema}
    manifest: dict[str, Any] = {"a": [1]} if "tems" in str(schema) else {"a": 1}
    assert apply.schema(wanted) == []
    found = check(apply, wanted, {} if dialect is not None and "draft-03" in dialect else manifest)
    assert len(found) == 1, found


def test_a_pattern_that_python_cannot_read_is_told_and_left_out(apply: Applied) -> None:
    schema = {
        "properties": {"a": {"pattern": r"^\p{L}+$", "type": "string"}},
        "patternProperties": {r"^\p{Lu}": {"type": "string"}},
        "additionalProperties": False,
    }
    warnings = apply.schema(schema)
    assert [line[:4] for line in warnings] == ["warn", "warn"]
    assert check(apply, schema, {"a": "x", "Ä": 1}) == warnings
    assert check(apply, schema, {"a": 1}) == [
        *warnings,
        f"stop {MANIFEST}:1: a must be of type string, not number: put it in quotes",
    ]


# -- references


def test_references_lead_to_files_beside_the_schema(apply: Applied) -> None:
    apply.files["schemas/common/name.json"] = as_bytes({"$ref": "../text.json#/$defs/text"})
    apply.files["schemas/text.json"] = as_bytes({"$defs": {"text": {"type": "string"}}})
    refers = {"properties": {"a": {"$ref": "common/name.json"}}}
    for schema in (refers, {"$id": "https://example.org/x/task.json", **refers}, {"$id": "task.json", **refers}):
        assert len(check(apply, schema, {"a": 1})) == 1
        assert check(apply, schema, {"a": "x"}) == []


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("https://example.org/x.json", "leads out of the repository"),
        ("http://127.0.0.1:1/x.json", "leads out of the repository"),
        ("file:///etc/passwd", "leads out of the repository"),
        ("../../etc/passwd", "leads out of the repository"),
        ("//example.org/x", "leads out of the repository"),
        ("%2e%2e/%2e%2e/etc/passwd", "leads out of the repository"),
        ("other.json", "leads to schemas/other.json, and there is no such file in the repository"),
        ("broken.json", "leads to schemas/broken.json:2: Expecting"),
        ("#/nowhere", "leads nowhere"),
    ],
)
def test_a_reference_that_cannot_be_followed_is_told(apply: Applied, reference: str, said: str) -> None:
    apply.files["schemas/broken.json"] = b"{\n"
    (found,) = check(apply, {"$ref": reference}, {})
    assert found.startswith(f"stop {SCHEMA}: its reference ")
    assert said in found


# -- hostile schemas


def doubling(steps: int) -> dict[str, Any]:
    """A schema whose references double at each step."""
    two = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(steps)}
    return {"$defs": {**two, f"a{steps}": {}}, "$ref": "#/$defs/a0"}


@pytest.mark.parametrize(
    ("schema", "manifest"),
    [
        pytest.param({"pattern": "^(a+)+$"}, "a" * 64 + "!", id="a pattern that backtracks"),
        pytest.param(doubling(64), {}, id="references that double"),
        pytest.param({"uniqueItems": True}, [{"a": n} for n in range(20_000)], id="many comparisons"),
    ],
)
def test_a_schema_that_takes_too_long_is_stopped_and_the_next_is_checked(
    apply: Applied, schema: Any, manifest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = "import gitferry.pushback.schema_worker as w; w.SECONDS = 0.5; w.main()"
    monkeypatch.setattr(schema_process, "_COMMAND", (*schema_process._COMMAND[:-1], quick))
    apply.workers.close()
    with pytest.raises(Unchecked, match="seconds of computing") as caught:
        check(apply, schema, json.dumps(manifest))
    assert caught.value.lasting
    assert len(check(apply, {"required": ["b"]}, {})) == 1
    apply.workers.close()


@pytest.mark.parametrize(
    ("schema", "manifest"),
    [
        ({"$ref": "#"}, b"{}"),
        ({"items": {"$ref": "#"}}, b"[" * 2000 + b"]" * 2000),
        ({"$dynamicRef": "#x", "$dynamicAnchor": "x"}, b"{}"),
    ],
)
def test_endless_references_and_nesting_come_to_an_end(apply: Applied, schema: Any, manifest: bytes) -> None:
    with pytest.raises(Unchecked, match="nested too deeply"):
        check(apply, schema, manifest)
    assert len(check(apply, {"required": ["b"]}, {})) == 1


def test_what_the_library_makes_of_a_strange_schema_is_told(apply: Applied) -> None:
    with pytest.raises(Unchecked, match="no meaning there") as caught:
        check(apply, {"unknown": {"required": 5}, "$ref": "#/unknown"}, {})
    assert caught.value.lasting


def waiting(workers: SchemaWorkers) -> int:
    """The process that waits for the next question."""
    worker = workers.take()
    workers.give(worker)
    return worker._process.pid


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_after_a_few_deaths_no_more_are_risked(apply: Applied) -> None:
    def killed(_path: str) -> bytes | None:
        os.kill(worker._process.pid, signal.SIGKILL)
        return b"{}"

    for version in range(3):
        worker = apply.workers.take()
        apply.workers.give(worker)
        with pytest.raises(Unchecked, match="ended with -9") as caught:
            apply.process.manifest(MANIFEST, b"{}", SCHEMA, f"of death {version}", killed)
        assert not caught.value.lasting
    with pytest.raises(Unchecked, match="too many"):
        check(apply, {}, {})


def test_one_that_died_while_it_waited_is_replaced(apply: Applied) -> None:
    check(apply, {}, {})
    pid = waiting(apply.workers)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert len(check(apply, {"required": ["b"]}, {})) == 1


def test_a_python_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_process, "_COMMAND", ("/nowhere/python",))
    with pytest.raises(Unchecked, match="did not start"):
        Applied()({}, {})


def test_why_a_process_died_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    command = (*schema_process._COMMAND[:-1], "raise SystemExit('no jsonschema here')")
    monkeypatch.setattr(schema_process, "_COMMAND", command)
    with pytest.raises(Unchecked, match="no jsonschema here"):
        Applied()({}, {})


def test_one_process_answers_crossings_and_each_has_files_of_its_own(apply: Applied) -> None:
    refers: dict[str, Any] = {"properties": {"a": {"$ref": "part.json"}}}
    apply.files["schemas/part.json"] = b'{"type": "string"}'
    assert apply(refers, {"a": "text"}, version="one") == []
    first = waiting(apply.workers)
    apply.files["schemas/part.json"] = b'{"type": "integer"}'
    apply.process = SchemaProcess(apply.workers)
    assert len(apply(refers, {"a": "text"}, version="one")) == 1
    assert waiting(apply.workers) == first


def test_two_at_once_have_a_process_each_and_one_stays(apply: Applied) -> None:
    one, other = apply.workers.take(), apply.workers.take()
    assert one is not other
    apply.workers.give(one)
    apply.workers.give(other)
    assert (runs(one._process.pid), runs(other._process.pid)) == (False, True)


def test_a_fetch_that_fails_leaves_nobody_waiting(apply: Applied) -> None:
    def broken(_path: str) -> bytes | None:
        raise LookupError("gone")

    with pytest.raises(LookupError):
        apply.process.manifest(MANIFEST, b"{}", SCHEMA, "of a broken store", broken)
    assert len(check(apply, {"required": ["b"]}, {})) == 1


def test_what_nobody_asks_ends_after_a_while() -> None:
    workers = SchemaWorkers(spare=0.05)
    workers.warm()
    pid = waiting(workers)
    until = time.monotonic() + 20
    while runs(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not runs(pid)
    assert SchemaProcess(workers).schema("a.schema.json", b"{}") == ()
    workers.close()


def test_the_process_ends_with_the_one_that_asks() -> None:
    workers = SchemaWorkers()
    workers.warm()
    pid = waiting(workers)
    assert runs(pid)
    del workers
    gc.collect()
    assert not runs(pid)


def test_the_process_inherits_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "canary-of-mine")
    workers = SchemaWorkers()
    assert SchemaProcess(workers).schema("a.schema.json", b"{}") == ()
    environment = Path(f"/proc/{waiting(workers)}/environ").read_bytes()
    assert b"canary-of-mine" not in environment
    workers.close()
