"""`gitferry add` and `gitferry remove`: which repositories are kept in step, asked before anything first leaves."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gitferry.config.errors import GitferryError
from gitferry.config.listing import first_of
from gitferry.daemon.cli.context import Context, context_of
from gitferry.daemon.cli.names import REPOSITORY
from gitferry.daemon.cli.output import counted, paint, printable, progress, wrapped
from gitferry.daemon.cli.verb import Verb

if TYPE_CHECKING:
    from gitferry.security.login import Login

_SHOWN = 8
DECLINED = 1
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|(?:[^/@\s]+@)?[^/:\s]+:(?!/)\S|[^/@\s]+@[^/:\s]+:/")


class NotAdded(GitferryError):
    """The repository cannot be added."""


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
    if not path_or_url.strip():
        raise click.UsageError("PATH_OR_URL is empty")
    path = Path(path_or_url).expanduser()
    if path.exists():
        _add_tree(context, path.absolute(), name, chosen, yes=yes)
    elif _URL.match(path_or_url):
        _add_url(context, path_or_url, name, chosen, yes=yes)
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
    context.reload(f"repositories.{name}")
    line = f"{printable(name)} is removed from {path}; its files and its history stay as they are"
    context.show({"removed": name, "settings": str(path)}, [line])


def _add_tree(context: Context, path: Path, name: str | None, chosen: dict[str, object], *, yes: bool) -> None:
    branch = str(chosen["branch"]) if "branch" in chosen else None
    credential = _credential(chosen)
    control = context.control()
    with progress("looking at the tree"):
        survey = control.survey_for_add(str(path), branch, credential)
    if survey["registered_as"]:
        raise NotAdded(
            f"{survey['root']} is registered already, as {survey['registered_as']}",
            f"`gitferry status {survey['registered_as']}` shows it",
        )
    if survey["branch"] is None and branch is None:
        raise NotAdded(
            f"{survey['waiting_for'] or 'HEAD is detached'}, so there is no branch to keep in step",
            "check one out (git switch BRANCH), or name it with --branch",
        )
    entry = {"name": name or survey["name"], "path": survey["root"], **chosen}
    _register(context, entry, dry_run=True)
    if any("host key is known" in note for note in survey["notes"]) and _meets(context, survey["url"]):
        survey = control.survey_for_add(str(path), branch, credential)
    if not context.json:
        for line in _told(survey, str(entry["name"])):
            click.echo(line)
    held = not (yes or _may_push(context, survey))
    if held:
        # First, so that a daemon which reads the settings at once finds it held.
        control.hold(survey["root"], branch)
    try:
        settings = _register(context, entry)
    except GitferryError:
        if held:
            control.release(survey["root"], branch)
        raise
    _conclude(context, entry, settings, held=held)


def _add_url(context: Context, url: str, name: str | None, chosen: dict[str, object], *, yes: bool) -> None:
    from gitferry.repos.clone import clone
    from gitferry.repos.remote_error import RemoteError
    from gitferry.security.redact import redact
    from gitferry.security.urls import check_remote_url

    name = name or Path(check_remote_url(url).path).name.removesuffix(".git") or "repository"
    path = Path(name).absolute()
    if path.exists():
        raise NotAdded(
            f"{path} exists already",
            f"`gitferry add {path}` if it is the working tree, else change directory or give another --name",
        )
    _register(context, {"name": name, "path": str(path), "url": url, **chosen}, dry_run=True)
    if not context.json:
        click.echo(f"cloning {printable(redact(url))} to {printable(str(path))}")
    branch = chosen.get("branch")
    login = _login(context, chosen, str(name))

    def cloned() -> None:
        with progress("cloning"):
            # Here and not by the daemon: ^C must end it, and a clone that fails leaves nothing behind.
            clone(url, path, branch if isinstance(branch, str) else None, environ=context.environ, login=login)

    try:
        cloned()
    except RemoteError as error:
        if error.kind != "host_key" or not _meets(context, url):
            raise
        cloned()
    try:
        _add_tree(context, path, name, chosen | {"url": url}, yes=yes)
    except (click.Abort, click.exceptions.Exit, GitferryError):
        click.echo(f"the clone stays at {printable(str(path))}", err=True)
        raise


def _credential(chosen: Mapping[str, object]) -> str | None:
    """Return the name of the stored credential that was chosen."""
    auth = chosen.get("auth")
    return str(auth["credential"]) if isinstance(auth, Mapping) else None


def _login(context: Context, chosen: Mapping[str, object], repository: str) -> Login | None:
    """Return the credential that was chosen in the clear, None where git signs in by itself."""
    credential = _credential(chosen)
    if credential is None:
        return None
    from gitferry.daemon.cli.vault_access import opened_vault

    with opened_vault(context) as vault:
        return vault.login(credential, repository)


def _meets(context: Context, url: str) -> bool:
    """Show the key of a server that ssh never met, and ask; a yes is remembered as ssh remembers it."""
    from gitferry.repos.host_keys import accept, is_known, shown

    if not _asks(context) or is_known(url, context.environ) or (key := shown(url, context.environ)) is None:
        return False
    click.echo(f"{key}\ncompare it with what its operator publishes; whoever sits in between would show another")
    if not click.confirm("Is it the one?", default=False):
        return False
    click.echo(f"remembered in {accept(key, url, context.environ)}")
    return True


def _register(context: Context, entry: dict[str, object], *, dry_run: bool = False) -> Path:
    """Write the entry, or with `dry_run` see that it could be; return the settings file. Raises NotAdded."""
    from gitferry.config import edit
    from gitferry.config.faults import SettingsError
    from gitferry.config.load import load

    settings = _file_to_edit(context)
    known = [each.name for each in load(settings, context.environ).repositories] if settings.exists() else []
    if entry["name"] in known:
        raise NotAdded(
            f"a repository is named {entry['name']} already", "give another --name; `gitferry status` lists them"
        )
    # In the file a dollar begins the name of a variable, so one that is meant is doubled.
    written = {key: value.replace("$", "$$") if isinstance(value, str) else value for key, value in entry.items()}
    try:
        edit.add_repository(settings, written, environ=context.environ, dry_run=dry_run)
    except SettingsError as error:
        # The file had no fault before, and what would stand in it has no place to name.
        said = "; ".join(re.sub(r"^repositories\[\d+\]\.", "", fault.message) for fault in error.faults)
        raise NotAdded(f"it cannot be added: {said}", "nothing was changed") from error
    if not dry_run:
        context.reload(f"repositories.{entry['name']}")
    return settings


def _file_to_edit(context: Context) -> Path:
    if context.daemon() is not None:
        return context.settings_path()
    from gitferry.config.paths import settings_to_create

    return settings_to_create(context.config, context.environ)


def _asks(context: Context) -> bool:
    return not context.json and sys.stdin.isatty() and sys.stdout.isatty()


def _may_push(context: Context, survey: Mapping[str, Any]) -> bool:
    """Ask, where someone can answer. A no ends the command."""
    if not _asks(context):
        return False
    if not (survey["uncommitted"] or survey["unpushed"]):
        answer = "y" if click.confirm("Add it?", default=True) else "n"
    else:
        question = "Add it, and push what is listed? [y]es, [h]old pushes for now, [n]o"
        answer = click.prompt(question, type=click.Choice(["y", "h", "n"], case_sensitive=False), show_choices=False)
    if answer == "n":
        click.echo("nothing was added", err=True)
        raise click.exceptions.Exit(DECLINED)
    return answer == "y"


def _told(survey: Mapping[str, Any], name: str) -> list[str]:
    target = f"{survey['remote']}/{survey['remote_branch']} at {survey['url']}" if survey["remote"] else "-"
    unpushed = [f"{each['id'][:8]} {each['subject']}" for each in survey["unpushed"]]
    facts = [
        ("branch", f"{survey['branch'] or '-'} → {target}"),
        ("tasks", f"{_kinds(survey)}: {_listed(_tasks(survey['tasks']))}"),
        ("uncommitted", _listed([task["name"] for task in survey["uncommitted"]]) or "nothing"),
        ("unpushed", _listed(unpushed, "commits") or "nothing"),
        *([("it waits", survey["waiting_for"])] if survey["waiting_for"] else []),
        *(("note", note) for note in survey["notes"]),
    ]
    lines = [f"{paint(printable(name), None, bold=True)}  {printable(survey['root'])}"]
    for key, value in facts:
        lines += wrapped(printable(value), indent=" " * 15, first=f"  {key:<12} ")
    return lines


def _kinds(survey: Mapping[str, Any]) -> str:
    """Return how many tasks there are, as `7 tasks and 8 single files, layout directory`."""
    files = sum(task["kind"] == "file" for task in survey["tasks"])
    tasks = len(survey["tasks"]) - files
    if survey["layout"] == "file":
        tasks, files = files, 0
    single = f" and {counted(files, 'single file')}" if files else ""
    return f"{counted(tasks, 'task')}{single}, layout {survey['layout']}"


def _tasks(tasks: list[Mapping[str, Any]]) -> list[str]:
    """Return the names with versions, directories first."""
    ordered = sorted(tasks, key=lambda task: task["kind"] == "file")
    return [f"{task['name']} {task['version']}" if task["version"] else task["name"] for task in ordered]


def _listed(names: list[str], what: str = "") -> str:
    return first_of(names, _SHOWN) + (f" {what}" if what and len(names) > _SHOWN else "")


def _conclude(context: Context, entry: Mapping[str, object], settings: Path, *, held: bool) -> None:
    name, running = str(entry["name"]), context.daemon() is not None
    lines = [f"{printable(name)} is added to {settings}"]
    if held:
        lines.append(f"  pushes are held until `gitferry resume {printable(name)}` or `gitferry push all`")
    if not running:
        lines.append(f"  `gitferry run` keeps it in step; `gitferry sync {printable(name)}` does it once")
    context.show({"repository": dict(entry), "held": held, "settings": str(settings), "daemon": running}, lines)
