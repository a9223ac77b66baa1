"""A registry of many tasks, some of which must not be pushed: each for another reason, in a file and on a line."""

from __future__ import annotations

import json
from random import Random

from gitferry.tests.repo import Repo
from gitferry.tests.security.formats import WORD, run

SCHEMA = "schemas/task.schema.json"  # what `tasks.schema` names
_RULES = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["name", "version"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9-]+$"},
        "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}


def build(repo: Repo, count: int = 50) -> list[str]:
    """Write the schema and `count` valid tasks into the working tree; return the tasks' paths."""
    repo.write(SCHEMA, json.dumps(_RULES, indent=2) + "\n")
    tasks = [f"tasks/t{number:03}" for number in range(count)]
    for task in tasks:
        repo.write(f"{task}/metadata.json", _manifest(task))
        repo.write(f"{task}/main.js", "export function run(input) {\n  return input;\n}\n")
        repo.write(f"{task}/input.schema.json", '{\n  "type": "object"\n}\n')
    return tasks


def edit(repo: Repo, tasks: list[str]) -> None:
    """Change every task in a way that nothing speaks against."""
    for task in tasks:
        repo.write(f"{task}/metadata.json", _manifest(task, version="1.1.0"))


def spoil(repo: Repo, tasks: list[str]) -> dict[str, str]:
    """Spoil the first five tasks, each in its own way; return what is to be told of each: `rule path:line`."""
    ways = (_without_version, _with_number, _with_markers, _with_broken_schema, _with_credential)
    return {task: spoiled(repo, task) for task, spoiled in zip(tasks, ways, strict=False)}


def credential() -> str:
    """A token in a form that its vendor documents, the same at each call; no source holds it."""
    return "glpat-" + run(Random(7), WORD, 20)


def _manifest(task: str, **values: object) -> str:
    stated = {"name": task.rpartition("/")[2], "version": "1.0.0", "tags": ["sample"], **values}
    return json.dumps({key: value for key, value in stated.items() if value is not None}, indent=2) + "\n"


def _without_version(repo: Repo, task: str) -> str:
    repo.write(f"{task}/metadata.json", _manifest(task, version=None))
    return f"schema {task}/metadata.json:1"


def _with_number(repo: Repo, task: str) -> str:
    repo.write(f"{task}/metadata.json", _manifest(task, tags=["a", 1]))
    return f"schema {task}/metadata.json:6"


def _with_markers(repo: Repo, task: str) -> str:
    repo.write(f"{task}/main.js", "let a;\n<<<<<<< HEAD\na = 1;\n=======\na = 2;\n>>>>>>> other\n")
    return f"markers {task}/main.js:2"


def _with_broken_schema(repo: Repo, task: str) -> str:
    repo.write(f"{task}/input.schema.json", '{\n  "type": "objekt"\n}\n')
    return f"schema {task}/input.schema.json:2"


def _with_credential(repo: Repo, task: str) -> str:
    repo.write(f"{task}/main.js", f'let a;\nlet key = "{credential()}";\n')
    return f"secret {task}/main.js:2"
