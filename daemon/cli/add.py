"""`gitferry add` and `gitferry remove`: which repositories are kept in step, asked before anything first leaves."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from gitferry.config.errors import GitferryError
from gitferry.daemon.cli.context import Context, context_of
from gitferry.daemon.cli.names import REPOSITORY
from gitferry.daemon.cli.output import counted, paint, printable, progress
from gitferry.daemon.cli.results import exit_code, told
from gitferry.daemon.cli.verb import Verb

_SHOWN = 8
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|(?:[^/@\s]+@)?[^/:\s]+:(?!/)\S|[^/@\s]+@[^/:\s]+:/")


class NotAdded(GitferryError):
    """The repository cannot be added, or the user answered no."""


@click.command(cls=Verb)
@click.argument("path_or_url")
@click.option("--name", help="Its name; else the directory's.")
@click.option("--branch", help="The branch to keep in step; else the one checked out.")
@click.option("--credential", help="The stored credential to reach the remote with; else git's own.")
@click.option("--yes", is_flag=True, help="Do not ask: what waits here may be pushed.")
@click.pass_context
def add(
    ctx: click.Context, path_or_url: str, name: str | None, branch: str | None, credential: str | None, yes: bool
) -> None:
    """Keep a working tree in step with its remote.

    Shows what is there and what would be pushed, and asks. Without a terminal and without --yes, pushes are held
    until `gitferry push all` or `gitferry resume`.
    """
    context = context_of(ctx)
    chosen: dict[str, object] = {"branch": branch} if branch else {}
    if credential:
        chosen["auth"] = {"credential": credential}
    path = Path(path_or_url).expanduser()
    if path.exists():
        _add_tree(context, path.absolute(), name, chosen, yes=yes)
    elif _URL.match(path_or_url):
        ctx.exit(_add_url(context, path_or_url, name, chosen, yes=yes))
    else:
        raise NotAdded(f"there is no {path}", "give the path of a working tree, or the URL of a repository to clone")


@click.command(cls=Verb)
@click.argument("name", type=REPOSITORY)
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """Stop keeping a repository in step; its files stay."""
    from gitferry.config import edit

    context = context_of(ctx)
    path = context.settings_path()
    edit.remove_repository(path, name, environ=context.environ)
    context.reload()
    line = f"{printable(name)} is removed from {path}; its files and its history stay as they are"
    context.show({"removed": name, "settings": str(path)}, [line])


def _add_tree(context: Context, path: Path, name: str | None, chosen: dict[str, object], *, yes: bool) -> None:
    branch = chosen.get("branch")
    control = context.control()
    with progress("looking at the tree"):
        survey = control.survey_for_add(str(path), branch if isinstance(branch, str) else None)
    if survey["registered_as"]:
        raise NotAdded(
            f"{survey['root']} is registered already, as {survey['registered_as']}",
            f"`gitferry status {survey['registered_as']}` shows it",
        )
    entry = {"name": name or survey["name"], "path": survey["root"], **chosen}
    if not context.json:
        for line in _told(survey, str(entry["name"])):
            click.echo(line)
    held = not (yes or _may_push(context, survey))
    if held:
        # First, so that a daemon which reads the settings at once finds it held.
        control.hold(survey["root"])
    try:
        settings = _register(context, entry)
    except GitferryError:
        if held:
            control.release(survey["root"])
        raise
    _conclude(context, entry, settings, held=held)


def _add_url(context: Context, url: str, name: str | None, chosen: dict[str, object], *, yes: bool) -> int:
    from gitferry.security.redact import redact
    from gitferry.security.urls import check_remote_url

    directory = Path(check_remote_url(url).path).name.removesuffix(".git") or "repository"
    path = Path(directory).absolute()
    if path.exists():
        raise NotAdded(
            f"{path} exists already", f"`gitferry add {path}` if it is the working tree, else change directory"
        )
    entry = {"name": name or directory, "path": str(path), "url": url, **chosen}
    asked = _asks(context) and not yes
    if asked:
        click.echo(f"{redact(url)} would be cloned to {path}")
        if not click.confirm("Add it?", default=True):
            raise NotAdded("nothing was added")
    settings = _register(context, entry)
    control = context.control()
    with progress("cloning"):
        answer = control.sync([str(entry["name"])])
    held = not (yes or asked) and path.exists()
    if held:
        # A clone has nothing to push, so holding it now is early enough.
        control.hold(str(path))
    _conclude(context, entry, settings, held=held)
    code = exit_code(answer["results"])
    if code and not context.json:
        for line in (line for result in answer["results"] for line in told(result)):
            click.echo(line, err=True)
        click.echo(f"  it is tried again; `gitferry remove {entry['name']}` takes it out", err=True)
    return code


def _register(context: Context, entry: dict[str, object]) -> Path:
    from gitferry.config import edit

    settings = _file_to_edit(context)
    # In the file a dollar begins the name of a variable, so one that is meant is doubled.
    written = {key: value.replace("$", "$$") if isinstance(value, str) else value for key, value in entry.items()}
    edit.add_repository(settings, written, environ=context.environ)
    context.reload()
    return settings


def _file_to_edit(context: Context) -> Path:
    if context.daemon() is not None:
        return context.settings_path()
    from gitferry.config.paths import settings_to_create

    return settings_to_create(context.config, context.environ)


def _asks(context: Context) -> bool:
    return not context.json and sys.stdin.isatty() and sys.stdout.isatty()


def _may_push(context: Context, survey: Mapping[str, Any]) -> bool:
    """Ask, where someone can answer. Raises NotAdded on a no."""
    if not _asks(context):
        return False
    if not (survey["uncommitted"] or survey["unpushed"]):
        if click.confirm("Add it?", default=True):
            return True
        raise NotAdded("nothing was added")
    question = "Add it, and push what is listed? [y]es, [h]old pushes for now, [n]o"
    answer = click.prompt(question, type=click.Choice(["y", "h", "n"], case_sensitive=False), show_choices=False)
    if answer == "n":
        raise NotAdded("nothing was added")
    return bool(answer == "y")


def _told(survey: Mapping[str, Any], name: str) -> list[str]:
    target = f"{survey['remote']}/{survey['remote_branch']} at {survey['url']}"
    tasks = survey["tasks"]
    facts = [
        ("branch", f"{survey['branch']} → {target}"),
        ("tasks", f"{counted(len(tasks), 'task')}, layout {survey['layout']}: {_listed(tasks, versions=True)}"),
        ("uncommitted", _listed(survey["uncommitted"]) or "nothing"),
        ("unpushed", ", ".join(f"{each['id'][:8]} {each['subject']}" for each in survey["unpushed"][:_SHOWN])),
        ("waits for", survey["waiting_for"]),
        *(("note", note) for note in survey["notes"]),
    ]
    if len(survey["unpushed"]) > _SHOWN:
        facts.append(("", f"and {len(survey['unpushed']) - _SHOWN} more commits"))
    lines = [f"{paint(printable(name), None, bold=True)}  {printable(survey['root'])}"]
    return [
        *lines,
        *(f"  {key:<12} {printable(value or 'nothing')}" for key, value in facts if value or key == "unpushed"),
    ]


def _listed(tasks: list[Mapping[str, Any]], *, versions: bool = False) -> str:
    shown = [f"{task['name']} {task['version']}" if versions and task["version"] else task["name"] for task in tasks]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more


def _conclude(context: Context, entry: Mapping[str, object], settings: Path, *, held: bool) -> None:
    name, running = str(entry["name"]), context.daemon() is not None
    lines = [f"{printable(name)} is added to {settings}"]
    if held:
        lines.append(f"  pushes are held until `gitferry resume {printable(name)}` or `gitferry push all`")
    if not running:
        lines.append(f"  `gitferry run` keeps it in step; `gitferry sync {printable(name)}` does it once")
    context.show({"repository": dict(entry), "held": held, "settings": str(settings), "daemon": running}, lines)
