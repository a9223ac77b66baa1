"""`gitferry status`: every repository on a line, and why one waits."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from gitferry.config.listing import first_of
from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.names import REPOSITORY
from gitferry.daemon.cli.output import (
    STATE_COLOURS,
    counted,
    local,
    paint,
    printable,
    progress,
    relative,
    table,
    width,
    wrapped,
)
from gitferry.daemon.cli.results import pending, remedy, review_remedy, why
from gitferry.daemon.cli.verb import Verb

_TASKS_SHOWN = 8
_ROOMY = 76  # columns that the whole table needs
_HEADER = ("REPOSITORY", "BRANCH", "STATE", "+/-", "PENDING", "CONFLICTS", "SYNCED", "NEXT PULL")


@click.command(cls=Verb)
@click.argument("repository", type=REPOSITORY, required=False)
@click.option("--watch", is_flag=True, help="Show it until ^C or q, anew every two seconds.")
@click.pass_context
def status(ctx: click.Context, repository: str | None, watch: bool) -> None:
    """Show the repositories, and why one waits.

    `+/-` counts the commits that this side and the remote have and the other has not.
    """
    context, detailed = context_of(ctx), repository is not None
    if watch:
        from gitferry.daemon.cli import watched_status

        watched_status.watch(context, repository, lambda answer, few: _lines(answer, detailed=detailed, few=few))
        return
    with progress("looking"):
        answer = context.control().status(repository)
    context.show(answer, _lines(answer, detailed=detailed))


def _lines(answer: Mapping[str, Any], *, detailed: bool, few: bool = False) -> list[str]:
    """Return the lines; `few`: without the repositories that are well, of which only their number is told."""
    alerts = _alerts(answer.get("alerts", ()))  # a daemon not yet restarted has none
    rows = answer["repositories"]
    shown = [row for row in rows if _word(row) != "healthy" or _reasons(row)] if few and not detailed else rows
    lines = [*_daemon(answer["daemon"]), *alerts, ""]
    if shown or not rows:
        lines += _repositories(shown, detailed=detailed)
    if len(shown) < len(rows):
        more = counted(len(rows) - len(shown), f"{'more ' if shown else ''}repository")
        lines.append(f"{more} {'is' if len(rows) - len(shown) == 1 else 'are'} healthy")
    return lines


def _daemon(daemon: Mapping[str, Any]) -> list[str]:
    if not daemon["running"]:
        lines = ["The daemon is not running: `gitferry service install` or `gitferry run`."]
    else:
        lines = [f"The daemon is {paint('running', 'green')}, version {daemon['version']}."]
    if daemon["settings_error"]:
        lines.append(paint("The settings have a fault, so the last good ones are used:", "red"))
        for line in printable(daemon["settings_error"], lines=True).splitlines():
            lines += wrapped(line.strip(), indent="    ", first="  ")
    lines += [line for note in daemon["notes"] for line in wrapped(printable(note), indent="  ", first="note: ")]
    return lines


def _alerts(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what needs a person, and what to do; a fault of the settings is told with the daemon already."""
    first = f"{paint('alert', 'red')}: "
    told = [row for row in rows if row["kind"] != "settings"]
    texts = [f"{row['repository']}: {row['message']}" if row["repository"] else row["message"] for row in told]
    return [
        line
        for text, row in zip(texts, told, strict=True)
        for line in wrapped(printable(f"{text}; {row['remedy']}"), indent="  ", first=first)
    ]


def _repositories(rows: list[Mapping[str, Any]], *, detailed: bool) -> list[str]:
    if not rows:
        return ["No repositories yet: `gitferry add PATH` adds one."]
    if detailed:
        return [line for row in rows for line in _details(row)]
    cells: list[Sequence[str]] = [
        (
            row["name"],
            row["branch"] or "-",
            _word(row),
            f"{row['ahead']}/{row['behind']}",
            str(row["pending"]) if row["state"] != "paused" else "-",
            str(row["conflicts"]),
            relative(row["last_crossing_at"]),
            relative(row["next_pull_at"]),
        )
        for row in rows
    ]
    header: Sequence[str] = _HEADER
    if sys.stdout.isatty() and width() < _ROOMY:
        header, cells = _without(header), [_without(cell) for cell in cells]
    lines = table(header, cells, beside=True)
    reasons = [line for row in rows for line in _reasons(row)]
    return [*lines, "", *reasons] if reasons else lines


def _without(cells: Sequence[str]) -> Sequence[str]:
    """Return the cells without those that a narrow terminal has no room for: branch and next pull."""
    return (cells[0], *cells[2:-1])


def _word(row: Mapping[str, Any]) -> str:
    """Return the state, or the health where that says more: a crossing may succeed and all not be well."""
    state = row["state"]
    return str(row.get("health", state) if state == "healthy" else state)  # a daemon not yet restarted has none


def _reasons(row: Mapping[str, Any]) -> list[str]:
    name = printable(row["name"])
    reasons = [(each["reason"], each["tasks"]) for each in row["pending_for"]]
    degraded = f"{name}: {paint('degraded', STATE_COLOURS['degraded'])}: "
    return [
        *(wrapped(printable(row["health_reason"]), indent="  ", first=degraded) if _word(row) == "degraded" else ()),
        *why(name, row["state"], row["last_error"], row["waiting_for"], row["hint"], row["paused_until"]),
        *(pending(name, reasons, held=row["held"]) if row["state"] != "paused" else ()),
        *_in_review(name, row["in_review"]),
    ]


def _in_review(name: str, reviews: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return where tasks are in review, one by one where both sides changed them."""
    lines = [line for each in reviews if each["in_conflict"] for line in _review(name, each)]
    tasks = [printable(each["task"]) for each in reviews if not each["in_conflict"]]
    if tasks:
        words = paint("in review", STATE_COLOURS["in_review"])
        lines += wrapped(
            first_of(tasks, _TASKS_SHOWN), indent="  ", first=f"{name}: {counted(len(tasks), 'task')} {words}: "
        )
        lines += remedy("`gitferry push status` names their branches")
    return lines


def _review(name: str, review: Mapping[str, Any]) -> list[str]:
    first = f"{name}: {printable(review['task'])}: {paint('in review', STATE_COLOURS['in_review'])}"
    lines = wrapped(printable(review["review"]), indent="  ", first=f"{first}: ") or [first]
    return [*lines, *review_remedy(review["task"])]


def _details(row: Mapping[str, Any]) -> list[str]:
    def at(instant: str | None) -> str:
        return f"{local(instant)} ({relative(instant)})" if instant else "-"

    facts = {
        "path": row["path"],
        "remote": f"{row['upstream'] or '-'} at {row['url']}" if row["url"] else row["upstream"] or "-",
        "branch": f"{row['branch'] or '-'} at {(row['head'] or '-')[:12]}",
        "commits": f"{row['ahead']} ahead, {row['behind']} behind",
        "tasks": f"{row['pending'] if row['state'] != 'paused' else '-'} pending, {row['conflicts']} in conflict",
        "synced": at(row["last_crossing_at"]),
        "next pull": at(row["next_pull_at"]),
        **_vitals(row),
    }
    lines = [f"{paint(printable(row['name']), None, bold=True)}: {row['state']}"]
    lines += [f"  {key:<10} {printable(str(value))}" for key, value in facts.items()]
    lines += [f"  note       {printable(note)}" for note in row.get("notes", ())]
    return [*lines, *_reasons(row)]


def _vitals(row: Mapping[str, Any]) -> dict[str, str]:
    """Return how well it is, as far as its daemon tells."""
    if "health" not in row:
        return {}
    failures = f" after {counted(row['failures'], 'failure')} in a row" if row["failures"] else ""
    facts = {"health": f"{row['health']}{failures}"}
    if row["crossings"]:
        facts["24 hours"] = _day(row)
    if row["lag_seconds"] is not None:
        facts["lag"] = f"{_span(row['lag_seconds'])}, the oldest edit that is not at the remote"
    return facts


def _day(row: Mapping[str, Any]) -> str:
    """Return what the crossings of a day came to."""
    parts = [counted(row["crossings"], "crossing")]
    if row["success_rate"] is not None:
        parts.append(f"{row['success_rate']:.0%} succeeded")
    if row["duration_p50"] is not None:
        parts.append(f"half took {_span(row['duration_p50'])} at most, 95 % {_span(row['duration_p95'])}")
    return ", ".join(parts)


def _span(seconds: float) -> str:
    """Return a duration in the unit that suits it."""
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    units = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    size, unit = next((size, unit) for size, unit in units if seconds >= size)
    return f"{seconds / size:.1f} {unit}" if seconds / size < 10 else f"{int(seconds // size)} {unit}"
