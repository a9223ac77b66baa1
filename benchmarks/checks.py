"""What the checks before a push cost: the same saves in two repositories of one daemon, one of which checks nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path

from paired import Comparison, compare
from save import BETWEEN, QUIET, until_remote_moved
from workplace import FILES_IN_A_TASK, Failure, Pair, Workplace, daemon, file_name, pair

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["name", "version"],
    "properties": {"name": {"type": "string"}, "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"}},
}
LINES = 20  # that a save adds to a file


def save(clone: Path, tasks: int, number: int) -> None:
    """In each task a new version in its manifest, and lines in one of its files."""
    for task in range(tasks):
        part = clone / file_name(task * FILES_IN_A_TASK + 1 + number % (FILES_IN_A_TASK - 1))
        with part.open("a") as file:
            file.writelines(
                f"line {line} of run {number}: user = someone, path = /srv/{number}\n" for line in range(LINES)
            )
        manifest = {"name": part.parent.name, "version": f"1.0.{number + 1}"}
        part.with_name("metadata.json").write_text(json.dumps(manifest) + "\n")


def checks_of_push(place: Workplace, tasks: int, *, pairs: int, warm_up: int, limit: float) -> Comparison:
    """Seconds from save to remote with every check there is, and with neither schema nor search for credentials."""
    files = max(tasks, 10) * FILES_IN_A_TASK
    checked, unchecked = pair(place, "checked", files), pair(place, "unchecked", files)
    for side in (checked, unchecked):
        (side.clone / "task.schema.json").write_text(json.dumps(SCHEMA) + "\n")
        place.git(side.clone, "add", "--all")
        place.git(side.clone, "commit", "--quiet", "--message", "A schema")
        place.git(side.clone, "push", "--quiet")

    def took(side: Pair, number: int) -> float:
        before = side.tip
        save(side.clone, tasks, number)
        seconds = until_remote_moved(side, before, time.perf_counter()) - QUIET
        time.sleep(BETWEEN)
        return seconds

    repositories = [
        {"name": "checked", "path": str(checked.clone), "tasks": {"schema": "task.schema.json"}},
        {"name": "unchecked", "path": str(unchecked.clone), "pushback": {"secrets": "off"}},
    ]
    with daemon(place, repositories, QUIET, max_batch_size=max(tasks, 1)):
        found = compare(
            f"{tasks} task{'s' if tasks > 1 else ''} to the remote with all checks, against with hardly any",
            lambda number: took(checked, number),
            lambda number: took(unchecked, number),
            pairs=pairs,
            warm_up=warm_up,
            limit=limit,
        )
    if place.git(checked.remote, "rev-parse", "main^{tree}") != place.git(unchecked.remote, "rev-parse", "main^{tree}"):
        raise Failure("the two remotes do not hold the same files")
    return found
