"""What the adversary's histories begin with and end by: a shared task, a hold, and what git can still reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TypeAlias

from gitferry.pushback.outcome import Outcome
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

#: The fixture of that name in conftest.py.
Meanwhile: TypeAlias = Callable[[ModuleType, str, Callable[[], object]], None]

TASK = {"t/metadata.json": '{"name":"t"}\n', "t/p": "p0\n", "t/q": "q0\n"}
REMOTE = "REMOTE\n"


def both_have(here: Side, there: Side, files: Mapping[str, str] = TASK) -> None:
    """Make files that both clones and the remote hold."""
    here.repo.write_all(files)
    healthy(here.sync())
    healthy(there.sync())


def hold(here: Side, there: Side, path: str = "t/p") -> Outcome:
    """Bring about a conflict over one file, which `there` keeps waiting with `mine`."""
    here.repo.write(path, REMOTE)
    healthy(here.sync())
    there.repo.write(path, "mine\n")
    outcome = there.sync()
    assert outcome.state == "conflict"
    return outcome


def remote_keeps(remote: Repo, path: str = "t/p", content: str = REMOTE) -> None:
    """Assert that the other clone's change stands at the remote, and that both histories are whole."""
    assert remote.tree("main").get(path) == content.encode()
    remote.fsck()


def reachable(repo: Repo, content: str) -> bool:
    """Return whether a blob of this content is reachable from a ref or the index; reflogs do not count."""
    oid = repo.git("hash-object", "--stdin", stdin=content)
    objects = repo.git("rev-list", "--objects", "--no-object-names", "--all", "--indexed-objects")
    return oid in objects.splitlines()
