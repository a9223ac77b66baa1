"""What stays of gitferry when its service goes: nothing of it is in the way, and all of it can be removed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitferry.config.errors import GitferryError

if TYPE_CHECKING:
    from gitferry.config.model import Settings
    from gitferry.store.rows import RepositoryRow

#: Remove all that gitferry keeps in one repository; nothing of the user's is among it.
CLEAR = (
    "git for-each-ref --format='delete %(refname)' refs/gitferry | git update-ref --stdin",
    "rm -r .git/gitferry",
)


@dataclass(frozen=True, slots=True)
class Remains:
    """Where things stay, what they are, and of each repository what was not brought over yet."""

    settings: Path | None
    state: Path | None
    repositories: tuple[Path, ...]
    unfinished: Mapping[str, str]  # repository → what waits there


def remains(settings_file: Path, state: Path, settings: Settings | None) -> Remains:
    """Return what is there of these. Looks at no repository's content: the index tells what waits."""
    known = () if settings is None else settings.repositories
    paths = tuple(each.path for each in known if (each.path / ".git").exists())
    rows = {} if settings is None or not state.is_dir() else _rows(settings)
    return Remains(
        settings_file if settings_file.exists() else None,
        state if state.is_dir() else None,
        paths,
        {name: said for name, row in rows.items() if (said := _waits(row))},
    )


def lines(found: Remains) -> list[str]:
    """Return what to say of it."""
    said = []
    if found.settings is not None:
        said.append(f"settings      {found.settings}")
    if found.state is not None:
        said.append(f"state         {found.state}: credentials, the audit log, the index")
    if found.repositories:
        count = len(found.repositories)
        said.append(f"repositories  {count}, as they are. Below refs/gitferry is what `gitferry undo` needs;")
        said.append("              to remove that in one of them:")
        said += [f"    {command}" for command in CLEAR]
    said += [f"not pushed    {name}: {waits}" for name, waits in found.unfinished.items()]
    return ["What stays:", *(f"  {line}" for line in said)] if said else []


def row(found: Remains) -> dict[str, Any]:
    """Return the same for scripts."""
    return {
        "settings": None if found.settings is None else str(found.settings),
        "state": None if found.state is None else str(found.state),
        "repositories": [str(path) for path in found.repositories],
        "unfinished": dict(found.unfinished),
    }


def _rows(settings: Settings) -> dict[str, RepositoryRow]:
    from gitferry.store.store import Store

    try:
        with Store(settings.database.url) as store:
            return {row.name: row for row in store.repositories()}
    except GitferryError:
        return {}  # it is only told what waits where that is known


def _waits(row: RepositoryRow) -> str:
    counts = ((row.pending, "pending"), (row.conflicts, "in conflict"))
    return ", ".join(f"{count} {what}" for count, what in counts if count)
