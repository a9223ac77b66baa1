"""What a push, pull, sync or undo came to: said in lines, and as an exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import click

from gitferry.config.listing import first_of
from gitferry.daemon.cli.context import Context
from gitferry.daemon.cli.output import STATE_COLOURS, counted, local, paint, printable, remaining, wrapped

DONE, FAILED, IN_PART = 0, 1, 4
NO_REPOSITORIES = "no repositories are registered: `gitferry add PATH` adds one"

# What was done to tasks, by the action and the side that was taken where both had changed them.
_WORDS = {
    ("push", None): "pushed {}",
    ("push", "local"): "pushed yours: {}",
    ("pull", None): "pulled {}",
    ("pull", "remote"): "pulled theirs: {}",
    ("merge", None): "merged {}",
    ("review", None): "sent {} for review",
    ("withdraw", None): "withdrew {} from review",
    ("restore", None): "restored {}",
    ("revert", None): "reverted {}",
}
_REPLACED = {
    ("push", "local"): "theirs stays in the remote's history",
    ("pull", "remote"): "yours is kept with the operation",
}
_STAYED = frozenset({"conflict", "failed", "awaiting_approval"})
_NAMED = _STAYED | {"in_review"}
_NAMES_SHOWN = 8


def finish(context: Context, answer: Mapping[str, Any]) -> int:
    """Print the results and return the exit code, contracts §3."""
    results: Sequence[Mapping[str, Any]] = answer["results"]
    lines = [line for result in results for line in told(result)]
    context.show(answer, lines or [NO_REPOSITORIES])
    return exit_code(results)


def exit_code(results: Sequence[Mapping[str, Any]]) -> int:
    """Return 0 where all is done, 1 where every repository failed outright, else 4."""
    if all(_is_done(result) for result in results):
        return DONE
    return FAILED if all(_has_failed(result) for result in results) else IN_PART


def _is_done(result: Mapping[str, Any]) -> bool:
    if result["error"] is not None or result["state"] not in ("healthy", "paused"):
        return False
    return not any(task["push_status"] in _STAYED for task in result["tasks"])


def _has_failed(result: Mapping[str, Any]) -> bool:
    return result["error"] is not None and result["operation"] is None


def told(result: Mapping[str, Any]) -> list[str]:
    """Return the lines that tell of one repository: what was done, then what was not and why."""
    name = printable(result["repository"])
    lines = wrapped(_done(result), indent="  ", first=f"{name}: ") if result["operation"] is not None else []
    lines += _replaced(result)
    for task in result["tasks"]:
        if task["push_status"] in _NAMED:
            status = task["push_status"]
            words = paint(status.replace("_", " "), STATE_COLOURS[status])
            first = f"{name}: {printable(task['name'])}: {words}" + (": " if task["reason"] else "")
            lines += wrapped(printable(task["reason"]), indent="  ", first=first) if task["reason"] else [first]
            lines += review_remedy(task["name"]) if status == "in_review" and task["in_conflict"] else []
            approve = (
                f"`gitferry push approve {printable(task['name'])}` lets it go, `gitferry push reject` keeps it here"
            )
            lines += remedy(approve) if status == "awaiting_approval" else []
    whole = why(name, result["state"], result["error"], result["waiting_for"], result["hint"])
    lines += whole if result["state"] != "conflict" or not lines else remedy(result["hint"])
    reasons = Counter(task["reason"] for task in result["tasks"] if task["push_status"] == "pending")
    waiting = pending(name, list(reasons.items()), held=result["held"])
    if waiting and not lines:
        lines.append(f"{name}: nothing to do")
    lines += waiting
    for note in result["notes"]:
        lines += wrapped(printable(note), indent="  ", first=f"{name}: note: ")
    return lines or [f"{name}: nothing to do"]


def _replaced(result: Mapping[str, Any]) -> list[str]:
    """Return where the side is that another one replaced, and the command that brings it back."""
    kept = [_REPLACED[kind] for kind in _REPLACED if any(_kind(task) == kind for task in result["tasks"])]
    return remedy("; ".join([*kept, f"`gitferry undo {result['operation']}` takes it back"])) if kept else []


def approval_remedy(task: str) -> list[str]:
    """Return the lines that say how a task's change is approved."""
    name = printable(task)
    return remedy(f"`gitferry push approve {name}` lets it go, `gitferry push reject {name}` keeps it here")


def review_remedy(task: str) -> list[str]:
    """Return the lines that say how the review of a task's conflict ends."""
    return remedy(f"merge it at the remote, or answer here: `gitferry conflicts {printable(task)}` shows how")


def why(
    name: str, state: str, error: str | None, waiting_for: str | None, hint: str | None, until: str | None = None
) -> list[str]:
    """Return why a repository does not go on, and below it what to do about that; nothing where it does.

    `until`: when its pause ends (RFC 3339).
    """
    if error:
        lines = wrapped(printable(error), indent="  ", first=f"{name}: {paint('failed', 'red')}: ")
    elif state == "paused":
        paused = f"{name}: {paint('paused', 'yellow')}"
        lines = [f"{paused} until {local(until)}, {remaining(until)}" if until else paused]
        hint = f"`gitferry resume {name}` ends the pause"
    elif waiting_for and state == "conflict":
        first = f"{name}: {paint('conflict', 'red')}, it waits for "
        lines = wrapped(printable(waiting_for), indent="  ", first=first)
    elif waiting_for:
        lines = wrapped(printable(waiting_for), indent="  ", first=f"{name}: {paint('waits', 'yellow')}: ")
    else:
        return []
    return [*lines, *remedy(hint)]


def remedy(hint: str | None) -> list[str]:
    """Return the lines that say what to do."""
    return wrapped(printable(hint), indent="    ", first="  → ") if hint else []


def pending(name: str, reasons: Sequence[tuple[str | None, int]], *, held: bool) -> list[str]:
    """Return why tasks wait, and the commands that let them go. `held`: first pushes are held back."""
    lines = []
    for reason, count in reasons:
        first = f"{name}: {counted(count, 'task')} {paint('pending', 'yellow')}: "
        lines += wrapped(printable(reason or "for the next push"), indent="  ", first=first)
    if held:
        lines += wrapped(
            f"first pushes are held until `gitferry resume {name}` lets all go, or `gitferry push task TASK` one",
            indent="    ",
            first="  → " if lines else f"{name}: ",
        )
    elif any("gitferry push" in (reason or "") for reason, _ in reasons):
        said = "`gitferry push status` names them; `gitferry push task TASK` sends one, `gitferry push all` every one"
        lines += remedy(said)
    return lines


def _done(result: Mapping[str, Any]) -> str:
    pushed = f" as {', '.join(commit[:8] for commit in result['commits'])}" if result["commits"] else ""
    return f"{summary(result['tasks']) or 'recorded'}{pushed} (operation {result['operation']})"


def summary(tasks: Sequence[Mapping[str, Any]]) -> str:
    """Return what was done to these tasks, as `pushed a, b; pulled c`; nothing for a task without an action."""
    parts = []
    for kind, words in _WORDS.items():
        names = [printable(task["name"]) for task in tasks if _kind(task) == kind]
        if names:
            parts.append(words.format(first_of(names, _NAMES_SHOWN)))
    return "; ".join(parts)


def _kind(task: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return what was done to a task, as `_WORDS` has it."""
    kind = (task["action"], task["answered"])
    return kind if kind in _WORDS else (task["action"], None)


def unreadable(answer: Mapping[str, Any]) -> int:
    """Say on standard error which repositories could not be read or changed, and return the exit code."""
    missing: Sequence[Mapping[str, Any]] = answer.get("unreadable") or ()
    for each in missing:
        for line in why(printable(each["repository"]), "failing", each["error"], None, each["hint"]):
            click.echo(line, err=True)
    return IN_PART if missing else DONE
