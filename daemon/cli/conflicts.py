"""`gitferry conflicts`: the tasks that both sides changed, who changed what and when, and one in all its versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from gitferry.config.listing import first_of
from gitferry.daemon.cli.context import Context, context_of
from gitferry.daemon.cli.diff import coloured_diff
from gitferry.daemon.cli.names import REPOSITORY_OR_TASK
from gitferry.daemon.cli.output import (
    STATE_COLOURS,
    counted,
    local,
    paint,
    printable,
    progress,
    relative,
    wrapped,
)
from gitferry.daemon.cli.results import remedy, unreadable
from gitferry.daemon.cli.verb import Verb

_MARKS = {"added": "A", "modified": "M", "deleted": "D"}
_NAMED = 5  # files of one side that are named in the list
_COLUMN = 10  # where the facts of a conflict begin


@click.command(cls=Verb)
@click.argument("name", metavar="[REPOSITORY|TASK]", type=REPOSITORY_OR_TASK, required=False)
@click.pass_context
def conflicts(ctx: click.Context, name: str | None) -> None:
    """List the tasks that both sides changed.

    With a TASK, all its versions are shown: what you changed, what they changed, and the merge or what it stops at.
    Your own are in the working tree, theirs at the remote; `gitferry resolve` answers.
    """
    context = context_of(ctx)
    with progress("looking at both sides"):
        control = context.control()
        if name is None or name in control.names()["repositories"]:
            answer, one = control.conflicts(name), False
        else:
            answer, one = control.conflict(name), True
    rows = answer["conflicts"]
    if one:
        context.show(answer, () if context.json else _in_full(rows[0], str(name), context))
        return
    nothing = [] if answer["unreadable"] else ["No conflicts."]
    context.show(answer, _listed(rows) if rows else nothing)
    ctx.exit(unreadable(answer))


def _listed(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield from _facts(row)
        yield ""
    task = printable(rows[0]["task"]) if len(rows) == 1 else "TASK"
    yield from remedy(f"`gitferry conflicts {task}` shows its versions, and how to answer")


def _in_full(row: Mapping[str, Any], name: str, context: Context) -> Iterator[str]:
    """Yield the lines that show one conflict in all its versions; `name` is the task's as the user has it."""
    yield from _facts(row)
    yield from _section("What you changed", row["local_diff"])
    yield from _section("What they changed", row["remote_diff"])
    if row["merged_diff"] is not None:
        yield from _section("What the merge would change here", row["merged_diff"])
    else:
        yield from _clashes(row, context)
    yield ""
    yield from remedy(f"`gitferry resolve {printable(name)} {_answers(row)}")


def _answers(row: Mapping[str, Any]) -> str:
    """Return the answers that this conflict can have, as options; the first one goes on a command."""
    answers = "--take local` keeps yours, `--take remote` takes theirs"
    if row["mergeable"]:
        answers = f"--take merged` takes the merge, `{answers}"
    if not row["together"] and all(file["text"] for file in row["files"] if file["conflict"]):
        answers += ", `--edit` merges by hand"
    return answers


def _facts(row: Mapping[str, Any]) -> list[str]:
    status = row["push_status"]
    name = printable(f"{row['repository']}: {row['task']}")
    first = f"{name}: {paint(status.replace('_', ' '), STATE_COLOURS[status])}: "
    lines = wrapped(printable(row["reason"] or "both sides changed it"), indent="  ", first=first)
    yours = [_when(row["local_changed_at"]), _changes(row, "local_change")]
    theirs = [_when(row["remote_changed_at"])]
    if row["remote_commit"]:
        theirs.append(f"by {row['remote_author']} in {row['remote_commit'][:12]}")
    theirs.append(_changes(row, "remote_change"))
    lines += _fact("yours", ", ".join(filter(None, yours)))
    lines += _fact("theirs", ", ".join(filter(None, theirs)))
    lines += _fact("merge", _merge(row))
    if row["together"]:
        lines += _fact("with", f"{', '.join(row['together'])}: a rename joins them, so one answer is for all")
    lines += _fact("strategy", row["strategy"])
    if row["pull_request_url"]:
        lines += _fact("review", row["pull_request_url"])
    return lines


def _fact(key: str, value: str) -> list[str]:
    return wrapped(printable(value), indent=" " * (_COLUMN + 2), first=f"  {key:<{_COLUMN}}")


def _when(instant: str | None) -> str:
    return f"{relative(instant)} ({local(instant)[:16]})" if instant else ""


def _inside(row: Mapping[str, Any], path: str) -> str:
    """Return a file's path as seen from its task."""
    return path.removeprefix(f"{row['path']}/")


def _changes(row: Mapping[str, Any], side: str) -> str:
    changed = [f"{_MARKS[file[side]]} {_inside(row, file['path'])}" for file in row["files"] if file[side]]
    return first_of(changed, _NAMED)


def _merge(row: Mapping[str, Any]) -> str:
    if row["mergeable"]:
        return "clean: `--take merged` takes it"
    stops = [f"{_inside(row, file['path'])} ({file['conflict']})" for file in row["files"] if file["conflict"]]
    return f"stops at {first_of(stops, _NAMED)}" if stops else "none that is clean"


def _section(title: str, diff: str) -> Iterator[str]:
    yield ""
    yield paint(title, None, bold=True)
    yield from coloured_diff(diff) if diff else ["nothing"]


def _clashes(row: Mapping[str, Any], context: Context) -> Iterator[str]:
    """Yield what the merge stops at, text as git marks it, and which files would merge."""
    from gitferry.daemon.markers import marked, regions
    from gitferry.daemon.three_way import three_ways

    yield ""
    yield paint("What does not merge", None, bold=True)
    for file, three in zip(row["files"], three_ways(row["files"]), strict=True):
        if file["conflict"] is None:
            continue
        yield f"{printable(_inside(row, file['path']))}: {file['conflict']}"
        if file["text"] and three.local is not None and three.remote is not None:
            for region in regions(marked(three, context.environ)):
                yield from (printable(line.decode("utf-8", "surrogateescape"), lines=True) for line in region)
    merged = [printable(_inside(row, file["path"])) for file in row["files"] if file["conflict"] is None]
    if merged:
        yield f"{counted(len(merged), 'file')} would merge: {', '.join(merged)}"
