"""`gitferry audit`: who did what and when, whether the log of it is as it was written, and a copy of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gitferry.daemon.cli.context import context_of
from gitferry.daemon.cli.names import REPOSITORY
from gitferry.daemon.cli.new_file import write_new
from gitferry.daemon.cli.output import counted, local, printable, progress, table
from gitferry.daemon.cli.verb import VerbGroup

if TYPE_CHECKING:
    from gitferry.daemon.cli.context import Verbs

_AT_ONCE = 1000  # records of one question
_COLUMNS = ("sequence", "at", "action", "actor", "subject", "result", "repository", "detail", "key", "previous", "hash")
_CHANGED = 1  # exit code


@click.group(cls=VerbGroup)
def audit() -> None:
    """Look at the audit log, check it and copy it."""


@audit.command("list")
@click.option("--action", metavar="ACTION", help="push, approval, settings, credential …")
@click.option("--repository", type=REPOSITORY, metavar="NAME", help="What was done to this one.")
@click.option("--actor", metavar="USER", help="What this user did.")
@click.option("--since", metavar="TIME", help="From 2026-01-31, 2026-01-31T12:00:00Z or 7d ago on.")
@click.option("--until", metavar="TIME", help="Before that time.")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
@click.pass_context
def list_(ctx: click.Context, /, limit: int, **wanted: str | None) -> None:
    """List what is on record, newest first."""
    context = context_of(ctx)
    with progress("reading the audit log"):
        answer = context.control().audit(wanted, limit)
    cells = [
        (row["id"], local(row["at"]), row["action"], row["actor"], row["result"], row["subject"])
        for row in answer["records"]
    ]
    header = ("RECORD", "WHEN", "ACTION", "ACTOR", "RESULT", "SUBJECT")
    context.show(answer, table(header, cells) if cells else ["Nothing is on record."])


@audit.command()
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Tell whether the log is as it was written.

    Exits with 1 and names the records where one was edited, removed, inserted, moved or cut off.
    """
    context = context_of(ctx)
    with progress("checking the audit log"):
        answer = context.control().audit_verify()
    if answer["intact"]:
        lines = [f"{counted(answer['records'], 'record')}, as they were written"]
    else:
        lines = [*(printable(each["what"]) for each in answer["findings"]), "The audit log was changed."]
    context.show(answer, lines)
    ctx.exit(0 if answer["intact"] else _CHANGED)


@audit.command(takes_json=False)
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True, help="Of the copy."
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A new file, for you only.")
@click.pass_context
def export(ctx: click.Context, form: str, output: Path | None) -> None:
    """Write every record, oldest first.

    It goes to standard output, or to a new file. Each record has its hash and the one before it, so that the copy can
    be checked and compared.
    """
    context = context_of(ctx)
    with progress("reading the audit log"):
        rows = list(_every(context.control()))
    text = "".join(_csv(rows) if form == "csv" else _json_lines(rows))
    if output is None:
        click.echo(text, nl=False)
        return
    write_new(output, text)
    click.echo(f"{counted(len(rows), 'record')} in {output}", err=True)


def _every(verbs: Verbs) -> Iterator[Mapping[str, Any]]:
    """Every record, oldest first; the answers come newest first, a page at a time."""
    pages = []
    cursor: str | None = None
    while True:
        answer = verbs.audit({"cursor": cursor}, _AT_ONCE)
        pages.append(answer["records"])
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    for page in reversed(pages):
        yield from reversed(page)


def _json_lines(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps({name: row[name] for name in _COLUMNS}) + "\n"


def _csv(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    """Lines as RFC 4180 has them."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(_COLUMNS)
    for row in rows:
        detail = json.dumps(row["detail"], sort_keys=True)
        writer.writerow(_cell(detail if name == "detail" else row[name]) for name in _COLUMNS)
    yield buffer.getvalue()


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula (OWASP, CSV injection), and that can be written as UTF-8:
    whoever changes the database can put any bytes there.
    """
    if not isinstance(value, str):
        return value
    text = value.encode("utf-8", "backslashreplace").decode()
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
