"""What `add` shows of a working tree before it is registered; nothing is changed by looking."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from gitferry.config.errors import GitferryError
from gitferry.config.model import CredentialAuth, Defaults, Repository, Settings
from gitferry.daemon import rows
from gitferry.daemon.ferry import Ferry
from gitferry.pushback.ground import Ground, opened
from gitferry.pushback.hooked import skipped
from gitferry.pushback.outcome import Request, TaskState
from gitferry.pushback.planning import Planner
from gitferry.pushback.readiness import Waits, require_ready, tracked_branch
from gitferry.pushback.survey import surveyed
from gitferry.repos import record as records
from gitferry.repos.remote_error import RemoteError
from gitferry.repos.talk import Seconds
from gitferry.repos.transport import remote_refs
from gitferry.security.redact import redact

_SUBJECTS = 100  # unpushed commits that are listed at most
_ASKED = Seconds(connect=3.0, transfer=6.0)


class Enclosed(GitferryError):
    """A registered tree lies inside this one, or this one inside it."""


def as_repository(
    root: Path,
    settings: Settings | None,
    *,
    name: str = "",
    branch: str | None = None,
    credential: str | None = None,
) -> Repository:
    """Return the settings that the tree at `root` would get: the defaults in force."""
    defaults = settings.defaults if settings is not None else Defaults()
    inherited = {field: getattr(defaults, field) for field in Defaults.model_fields}
    if credential is not None:
        inherited["auth"] = CredentialAuth(credential=credential)
    return Repository(**inherited | {"name": name or root.name, "path": root, "branch": branch or defaults.branch})


def survey(
    path: Path, branch: str | None, settings: Settings | None, ferry: Ferry, *, credential: str | None = None
) -> rows.Row:
    """Return the row that contracts' `add` shows; the remote is asked with `credential`, as crossings will ask it.

    Raises what `locate` raises, Unusable (no remote, no upstream, a form gitferry cannot keep) and Enclosed.
    """
    root = Path(os.path.realpath(path))
    registered = None if settings is None else _registered(root, settings)
    name = _free_name(root.name, settings)
    repository = as_repository(root, settings, name=name, branch=branch, credential=credential)
    with opened(repository, ferry.host) as ground:
        waiting = None
        try:
            require_ready(ground, records.load(ground.objects, tracked_branch(ground)))
        except Waits as waits:
            waiting = waits.title
        upstream = ground.state.upstream
        states = surveyed(ground, ferry.host.clock())
        uncommitted = _uncommitted(ground)
        left = skipped(ground)
        return {
            "root": str(root),
            "name": name,
            "registered_as": registered,
            "branch": ground.state.branch,
            "head": ground.state.head,
            "remote": upstream.remote if upstream else None,
            "remote_branch": upstream.branch if upstream else None,
            "url": redact(upstream.url) if upstream and upstream.url else None,
            "layout": _layout(states, repository.tasks.layout),
            "tasks": [rows.task(state) for state in states],
            "uncommitted": [rows.task(state) for state in states if state.path in uncommitted],
            "unpushed": _unpushed(ground),
            "waiting_for": waiting,
            "notes": [*([f"hooks exist and are skipped: {', '.join(left)}"] if left else ()), *_silent(ground)],
        }


def _silent(ground: Ground) -> Iterator[str]:
    """Yield that the remote cannot be reached now, where that is so; asked once, and not for long."""
    upstream = ground.state.upstream
    if upstream is None or upstream.local or upstream.url is None:
        return
    try:
        remote_refs(ground.git, upstream.remote, f"refs/heads/{upstream.branch}", timeouts=_ASKED)
    except GitferryError as error:  # the vault's too: it is locked, or has no such credential
        if isinstance(error, RemoteError) and error.kind == "timeout":
            yield f"{upstream.remote} does not answer now"
        else:
            yield f"the remote cannot be used now: {error.title}" + (f" ({error.hint})" if error.hint else "")


def _registered(root: Path, settings: Settings) -> str | None:
    """Return the name under which the tree is registered. Raises Enclosed."""
    for each in settings.repositories:
        other = Path(os.path.realpath(each.path))
        if root == other:
            return each.name
        if other in root.parents:
            raise Enclosed(
                f"{root} lies inside {other}, which is registered as {each.name}", "Keep trees side by side."
            )
        if root in other.parents:
            raise Enclosed(
                f"{other}, which is registered as {each.name}, lies inside {root}", "Keep trees side by side."
            )
    return None


def _free_name(directory: str, settings: Settings | None) -> str:
    """Return the directory's name in the letters a name may have, with a number where it is taken."""
    plain = re.sub(r"[^\w.-]+", "-", directory.encode("utf-8", "replace").decode()).lstrip("-.")[:90] or "repository"
    taken = {each.name for each in settings.repositories} if settings is not None else set()
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}-{number}", number + 1
    return name


def _uncommitted(ground: Ground) -> frozenset[str]:
    """Return the paths of the tasks whose working tree differs from HEAD."""
    planner = Planner(ground, Request("survey", by_hand=True), ground.host.clock())
    record = records.load(ground.objects, ground.state.branch or "HEAD")
    _, seen, grouping = planner.look(record, ground.state.head, planner.upstream())
    units = (grouping.unit_of(path) for path in seen.changes)
    return frozenset(unit.path for unit in units if unit.carry)


def _unpushed(ground: Ground) -> list[rows.Row]:
    """Return the user's commits that the upstream, as last fetched, does not have, newest first."""
    upstream, head = ground.state.upstream, ground.state.head
    if upstream is None or head is None:
        return []
    known = ground.objects.ref(upstream.tracking_ref)
    span = [head] if known is None else [f"{known}..{head}"]
    lines = ground.git.run("log", "-z", f"--max-count={_SUBJECTS}", "--format=%H %s", *span, "--").stdout.split(b"\0")
    found = [line.decode("utf-8", "replace").partition(" ") for line in lines if line]
    return [{"id": oid, "subject": subject} for oid, _, subject in found]


def _layout(states: tuple[TaskState, ...], configured: str) -> str:
    if configured != "auto":
        return configured
    return "directory" if any(state.kind == "directory" for state in states) else "file"
