"""What is checked before a task leaves: all checks together, over real repositories."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitferry.pushback import validation
from gitferry.pushback.findings import Weight
from gitferry.pushback.schema_process import SchemaProcess, Unchecked
from gitferry.repos.content import SUBMODULE, SYMLINK, Entry
from gitferry.repos.tasks import Unit
from gitferry.tests.pushback import invalid_tasks
from gitferry.tests.pushback.checking import TASK, Bench, shown
from gitferry.tests.repo import Repo

MANIFEST = f"{TASK}/metadata.json"
SCHEMA = "schemas/task.json"
BLOCK = "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> other\n"
NEEDS_OWNER = '{"required": ["owner"]}'
WITHOUT = '{"name": "word-count"}'


@pytest.fixture
def bench(clone: Callable[..., Repo]) -> Bench:
    return Bench(clone("here"), tasks={"schema": SCHEMA})


def with_schema(bench: Bench, schema: Any = NEEDS_OWNER, **files: str) -> str:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    return bench.tree({SCHEMA: text, **files})


# -- the settings' schema


def test_a_manifest_must_satisfy_the_settings_schema(bench: Bench) -> None:
    base = with_schema(bench)
    assert bench.check({MANIFEST: WITHOUT}, base=base) == [f'stop {MANIFEST}:1: it needs the key "owner"']
    assert bench.check({MANIFEST: '{"owner": "me"}'}, base=base) == []


def test_the_schema_that_is_pushed_along_counts(bench: Bench) -> None:
    base = with_schema(bench)
    assert bench.check({MANIFEST: WITHOUT, SCHEMA: "{}"}, base=base) == []
    assert len(bench.check({MANIFEST: '{"owner": "me"}', SCHEMA: "false"}, base=base)) == 1


def test_a_manifest_that_the_remote_has_just_so_is_a_warning(bench: Bench) -> None:
    base = with_schema(bench)
    assert bench.check({f"{TASK}/main.js": "new\n"}, base=base) == [f'warn {MANIFEST}:1: it needs the key "owner"']


def test_a_file_that_is_a_task_of_its_own_has_no_manifest(bench: Bench) -> None:
    base = with_schema(bench)
    assert bench.check({"metadata.json": WITHOUT}, unit="metadata.json", kind="file", base=base) == []


def test_in_a_whole_repository_the_manifests_that_change_are_checked(bench: Bench) -> None:
    base = with_schema(bench)
    found = bench.check({MANIFEST: WITHOUT, "README.md": "new\n"}, unit=".", kind="repository", base=base)
    assert found == [f'stop {MANIFEST}:1: it needs the key "owner"']
    found = bench.check({"metadata.json": WITHOUT}, unit=".", kind="repository", base=base)
    assert found == ['stop metadata.json:1: it needs the key "owner"']


def test_the_manifest_is_the_first_of_the_names_in_the_settings(bench: Bench) -> None:
    base = with_schema(bench)
    good, bad = '{"owner": "me"}', "name: x\n"
    assert bench.check({MANIFEST: good, f"{TASK}/task.yaml": bad}, base=base) == []
    bench.tasks["manifests"] = ["task.yaml", "metadata.json"]
    assert len(bench.check({MANIFEST: good, f"{TASK}/task.yaml": bad}, base=base)) == 1


def test_a_schema_that_is_missing_broken_or_no_file_stops_what_it_should_check(bench: Bench) -> None:
    assert bench.check({MANIFEST: WITHOUT}) == [f"stop {SCHEMA}: there is no such schema"]
    base = with_schema(bench, "{")
    (found,) = bench.check({MANIFEST: WITHOUT}, base=base)
    assert found.startswith(f"stop {SCHEMA}:1: ")
    link = Entry(SYMLINK, bench.objects.write_blob(b"/etc/passwd"))
    base = bench.tree({SCHEMA: link})
    assert bench.check({MANIFEST: WITHOUT}, base=base) == [f"stop {SCHEMA}: there is no such schema"]


def test_a_schema_may_be_named_by_its_place_on_disk(bench: Bench, tmp_path: Path) -> None:
    base = with_schema(bench)
    bench.tasks["schema"] = str(bench.repo.root / "schemas" / ".." / SCHEMA)
    assert len(bench.check({MANIFEST: WITHOUT}, base=base)) == 1
    outside = tmp_path / "outside.json"
    bench.tasks["schema"] = str(outside)
    assert bench.check({MANIFEST: WITHOUT}) == [f"stop {outside}: there is no such schema"]
    outside.write_text(NEEDS_OWNER)
    bench.tasks["layout"] = "directory"  # other settings, another validator
    assert bench.check({MANIFEST: WITHOUT}) == [f'stop {MANIFEST}:1: it needs the key "owner"']
    outside.write_text("{}")
    bench.tasks["rest"] = "ignore"  # other settings, another validator
    assert bench.check({MANIFEST: WITHOUT}) == []


def test_a_schema_refers_to_files_of_the_pushed_tree(bench: Bench) -> None:
    base = with_schema(
        bench, {"properties": {"name": {"$ref": "text.json"}}}, **{"schemas/text.json": '{"minLength": 3}'}
    )
    assert bench.check({MANIFEST: '{"name": "x"}'}, base=base) == [
        f"stop {MANIFEST}:1: name must have at least 3 characters"
    ]
    base = bench.tree({"schemas/text.json": "{}"}, base)
    assert bench.check({MANIFEST: '{"name": "x"}'}, base=base) == []


# -- schemas themselves


def test_a_schema_that_changes_must_be_one(bench: Bench) -> None:
    path = f"{TASK}/input.schema.json"
    bench.tasks = {}
    assert bench.check({path: '{\n"type": "objekt"}'})[0].startswith(f"stop {path}:2: type must be one of")
    assert bench.check({path: '{"type": "object"}'}) == []
    assert bench.check({path: None, f"{TASK}/main.js": "x\n"}) == []
    base = bench.tree({path: "{ broken"})
    assert bench.check({path: "{ still broken"}, base=base)[0].startswith(f"warn {path}:1: ")
    assert bench.check({f"{TASK}/main.js": "x\n"}, base=base) == []
    large = json.dumps({"description": "x" * (1 << 20)})
    assert bench.check({path: large})[0].startswith(f"warn {path}: not checked whether it is a JSON Schema")


def test_the_settings_schema_is_checked_when_it_changes_whatever_its_name(bench: Bench) -> None:
    (found,) = bench.check({SCHEMA: '{"type": 7}'}, unit=SCHEMA, kind="file")
    assert found.startswith(f"stop {SCHEMA}:1: type must be")


def test_what_takes_too_long_stops_a_manifest_and_not_a_schema(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_up(*_: object) -> None:
        raise Unchecked("it takes too long", lasting=False)

    base = with_schema(bench)
    monkeypatch.setattr(SchemaProcess, "_ask", gives_up)
    assert bench.check({MANIFEST: WITHOUT}, base=base) == [
        f"stop {MANIFEST}: not checked by the schema {SCHEMA}: it takes too long"
    ]
    bench.tasks = {}
    assert bench.check({f"{TASK}/a.schema.json": "{}"}) == [
        f"warn {TASK}/a.schema.json: not checked whether it is a JSON Schema: it takes too long"
    ]
    monkeypatch.undo()
    bench.tasks = {"schema": SCHEMA}
    assert bench.check({MANIFEST: WITHOUT}, base=base) == [f'stop {MANIFEST}:1: it needs the key "owner"']


# -- all together


def test_a_deleted_task_has_nothing_against_it(bench: Bench) -> None:
    files = {path: None for path in bench.repo.entries() if path.startswith(TASK)}
    assert bench.check(files) == []


def test_links_and_submodules_are_left_alone(bench: Bench) -> None:
    bench.tasks = {}
    link = Entry(SYMLINK, bench.objects.write_blob(BLOCK.encode()))
    inner = Entry(SUBMODULE, "1" * 40)
    assert bench.check({f"{TASK}/a.schema.json": link, f"{TASK}/inner": inner}) == []


def test_fifty_tasks_of_which_five_are_invalid(clone: Callable[..., Repo]) -> None:
    repo = clone("here")
    tasks = invalid_tasks.build(repo)
    repo.commit("fifty")
    base = repo.tip("HEAD")
    invalid_tasks.edit(repo, tasks)
    expected = invalid_tasks.spoil(repo, tasks)
    repo.commit("edited")
    bench = Bench(repo, tasks={"schema": invalid_tasks.SCHEMA}, pushback={"secrets": "block"})
    objects = bench.objects
    old, new = objects.tree_of(base), objects.tree_of(repo.head)
    validator = bench.validator()
    told = {}
    for task in tasks:
        paths = [path for path in objects.changed(old, new) if path.startswith(task + "/")]
        found = validator.task(
            Unit(task, "directory", carry=True), objects.content(old, paths), objects.content(new, paths), new
        )
        if found:
            told[task] = " ".join(f"{finding.rule} {finding.path}:{finding.line}" for finding in found)
            assert all(finding.weight is Weight.STOP and finding.remedy for finding in found)
    assert told == expected


# -- credentials


@pytest.mark.parametrize(("setting", "weight"), [("block", "stop"), ("warn", "warn"), ("off", None)])
def test_the_settings_say_what_a_credential_does(bench: Bench, setting: str, weight: str | None) -> None:
    bench.tasks, bench.pushback["secrets"] = {}, setting
    path = f"{TASK}/main.js"
    found = bench.check({path: f"let key = '{invalid_tasks.credential()}';\n"})
    assert [line.partition(" ")[0] for line in found] == ([] if weight is None else [weight])
    assert invalid_tasks.credential() not in str(found)
    bench.pushback["secrets_ignore"] = ["*.js"]
    assert [
        line for line in bench.check({path: f"let key = '{invalid_tasks.credential()}';\n"}) if line.startswith("stop")
    ] == []


# -- the user's own commits


def test_commits_are_named_with_what_each_adds(bench: Bench) -> None:
    repo = bench.repo
    bench.pushback |= {"secrets": "block", "limits": {"file": 1000, "batch": 5000}}
    repo.write("notes.md", BLOCK)
    one = repo.commit("one")
    repo.write("notes.md", "settled\n")
    repo.write("key.js", f"let key = '{invalid_tasks.credential()}';\n")
    two = repo.commit("two")
    repo.write("large.bin", b"x" * 1001)
    three = repo.commit("three")
    repo.write("notes.md", "settled, again\n")
    four = repo.commit("four")
    found = bench.commits(one, two, three, four)
    assert [line.partition(": ")[0] for line in found] == ["one", "two", "three"]
    assert found[0] == "one: stop notes.md:1: a conflict is not settled: its markers stand here"
    assert found[1].startswith("two: stop key.js:1: ")
    assert found[2] == "three: stop large.bin: 1,001 bytes, over 1000B (pushback.limits.file)"
    assert bench.commits(one, two, three, four) == found


def test_of_a_merge_only_what_no_parent_has_counts(bench: Bench) -> None:
    repo = bench.repo
    bench.pushback |= {"limits": {"file": 1000, "batch": 5000}}
    repo.git("checkout", "--quiet", "-b", "side")
    repo.write_all({"notes.md": BLOCK, "large.bin": b"x" * 1001, "both.md": "side\n"})
    repo.commit("side")
    repo.git("checkout", "--quiet", "main")
    repo.write("both.md", "main\n")
    repo.commit("main")
    assert repo.try_git("merge", "side").returncode != 0
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "-m", "merged")
    assert bench.commits(repo.head) == [
        "merged: stop both.md:1: a conflict is not settled: its markers stand here",
    ]


def test_a_first_commit_adds_all_that_it_has(bench: Bench) -> None:
    repo = bench.repo
    repo.git("checkout", "--quiet", "--orphan", "new")
    repo.write("notes.md", BLOCK)
    assert len(bench.commits(repo.commit("first"))) == 1


# -- what is remembered


def test_a_task_that_waits_is_looked_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    base = with_schema(bench)
    changes = {MANIFEST: WITHOUT, f"{TASK}/a.schema.json": "{}"}
    found = bench.findings(changes, base=base)
    assert len(found) == 1

    def looked(*_: object) -> None:
        raise AssertionError("it was looked at again")

    with monkeypatch.context() as patch:
        patch.setattr(validation, "may_hold_markers", looked)
        patch.setattr(SchemaProcess, "start", looked)
        assert bench.findings(changes, base=base) == found
        elsewhere = bench.tree({"README.md": "other\n"}, base)
        assert bench.findings(changes, base=elsewhere) == found
    assert bench.findings(changes, base=bench.tree({SCHEMA: "{}"}, base)) == ()
    bench.tasks["manifests"] = ["task.yaml"]
    assert bench.findings(changes, base=base) == ()


def test_what_a_schema_refers_to_is_looked_at_again_when_it_changes(bench: Bench) -> None:
    base = with_schema(bench, '{"$ref": "more.json"}', **{"schemas/more.json": NEEDS_OWNER})
    assert len(bench.check({MANIFEST: WITHOUT}, base=base)) == 1
    assert bench.check({MANIFEST: WITHOUT}, base=bench.tree({"schemas/more.json": "{}"}, base)) == []
    assert len(bench.check({MANIFEST: WITHOUT}, base=bench.tree({"schemas/more.json": None}, base))) == 1


def test_a_finding_is_told_with_its_remedy(bench: Bench) -> None:
    base = with_schema(bench)
    (found,) = bench.findings({MANIFEST: WITHOUT}, base=base)
    assert str(found) == f"{shown(found).removeprefix('stop ')} (correct it, or the schema {SCHEMA})"
