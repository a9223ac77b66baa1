"""A small task registry of our own: five tasks with manifests, schemas and tests, and files in no task."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """One task of the registry: where it lies, and what its manifest says."""

    directory: str
    manifest: str
    name: str
    version: str
    uuid: str | None
    summary: str


TASKS = (
    Sample(
        directory="tasks/word-count",
        manifest="metadata.json",
        name="word-count",
        version="1.2.0",
        uuid="6f1c2d1e-1a54-4a0e-9f7e-0b6d3c0a1f01",
        summary="Counts the words of a text",
    ),
    Sample(
        directory="tasks/celsius",
        manifest="metadata.json",
        name="celsius",
        version="0.4.1",
        uuid="6f1c2d1e-1a54-4a0e-9f7e-0b6d3c0a1f02",
        summary="Turns degrees Fahrenheit into degrees Celsius",
    ),
    Sample(
        directory="tasks/text/slugify",
        manifest="metadata.json",
        name="slugify",
        version="2.0.0",
        uuid="6f1c2d1e-1a54-4a0e-9f7e-0b6d3c0a1f03",
        summary="Makes a title fit for an address",
    ),
    Sample(
        directory="tasks/report",
        manifest="task.yaml",
        name="report",
        version="1.0.0",
        uuid=None,
        summary="Writes the weekly report",
    ),
    Sample(
        directory="tasks/übersicht",
        manifest="meta.yaml",
        name="übersicht",
        version="3.1.4",
        uuid=None,
        summary="Lists what is open, under a name that is not ASCII",
    ),
)

PROGRAM = """\
export function run(input) {
  return { value: input.value };
}
"""

LOOSE = {
    "README.md": "# Sample tasks\n\nFive small tasks, and this file that belongs to none of them.\n",
    "registry.yaml": "name: samples\nlayout: tasks/*\n",
    ".gitignore": "*.log\nnode_modules/\n.cache/\n",
}


def files() -> dict[str, str]:
    """Path to content of everything in the registry."""
    found = dict(LOOSE)
    for task in TASKS:
        found.update(task_files(task))
    return found


def task_files(task: Sample) -> dict[str, str]:
    """Path to content of one task: its manifest, program, two schemas and two tests."""
    at = task.directory
    content = {
        f"{at}/{task.manifest}": _manifest(task),
        f"{at}/main.js": f"// {task.summary}\n\n" + PROGRAM,
        f"{at}/input.schema.json": _schema(f"{task.name} input"),
        f"{at}/output.schema.json": _schema(f"{task.name} output"),
    }
    for number in (1, 2):
        case = {"input": {"value": number}, "expected_output": {"value": number}}
        content[f"{at}/tests/test-{number:03}.json"] = json.dumps(case, indent=2) + "\n"
    return content


def sample(name: str) -> Sample:
    """The task of that name; `KeyError` where there is none."""
    return {task.name: task for task in TASKS}[name]


def build(root: Path) -> None:
    """Writes the registry's files below `root`."""
    for name, content in files().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        path.chmod(0o644)


def _manifest(task: Sample) -> str:
    if task.manifest.endswith(".json"):
        stated = {
            "uuid": task.uuid,
            "name": task.name,
            "version": task.version,
            "description": task.summary,
            "tags": ["sample"],
        }
        return json.dumps(stated, indent=2) + "\n"
    return f"# {task.summary}\nname: {task.name}\nversion: {task.version}\ndescription: {task.summary}\n"


def _schema(title: str) -> str:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "properties": {"value": {"type": "integer"}},
        "required": ["value"],
    }
    return json.dumps(schema, indent=2) + "\n"
