"""The user changes what is checked out in the middle of a crossing, or it dies: nothing is lost, nothing deleted."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import ModuleType

import pytest

from gitferry.pushback import advance, carry, checkout
from gitferry.repos import index, observe, outside
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.sparse_sides import FILES, LINES, Kind, full, hidden, narrow, send, settled
from gitferry.tests.repo import Repo

Meanwhile = Callable[[ModuleType, str, Callable[[], object]], None]

OURS = LINES.replace("two", "ours")
NEWS: dict[str, str | None] = {
    "half/a.txt": "theirs\n",
    "half/data/x.txt": "theirs\n",
    "half/data/y.txt": None,
    "out/a.txt": "theirs\n",
    "out/new.txt": "new\n",
    "in/deep/c.txt": "new\n",
}
#: What the remote has in the end.
BOTH = {**FILES, **NEWS, "in/a.txt": OURS}

STEPS: dict[str, tuple[ModuleType, str]] = {
    "before it looks": (observe, "status"),
    "while it looks": (outside, "standing"),
    "before it pushes": (carry, "send"),
    "before what is left out is known": (carry, "left_out"),
    "before files are replaced": (carry, "check_out"),
    "while files are replaced": (checkout, "fp"),
    "before the index follows": (carry, "advance"),
    "just before the index follows": (index, "follow"),
    "while the index follows": (index, "hide"),
    "after the index followed": (advance, "fp"),
}
COMMANDS = {
    Kind.CONE: {"narrower": ("set", "half/docs"), "wider": ("add", "out", "half/data"), "all": ("disable",)},
    Kind.PATTERNS: {
        "narrower": ("set", "/half/docs/"),
        "wider": ("add", "/out/", "/half/data/"),
        "all": ("disable",),
    },
}


@pytest.fixture
def remote(empty_remote: Repo) -> Repo:
    return empty_remote


@pytest.fixture
def there(remote: Repo, clone: Callable[..., Repo]) -> Side:
    return full(remote, clone("there"))


def sparse(clone: Callable[..., Repo], kind: Kind) -> Side:
    side = Side(narrow(clone("here"), kind), pushback={"conflict_strategy": "merge"})
    healthy(side.sync())
    return side


def chosen(seed: int) -> tuple[Kind, str]:
    """What of the many ways a test takes this time."""
    pick = random.Random(seed)
    return pick.choice(list(Kind)), pick.choice(["narrower", "wider", "all"])


def comes_to_rest(side: Side, remote: Repo, *, edited: bool = False) -> None:
    """Assert that the next crossings bring both sides' changes together, and no others."""
    for _ in range(3):
        side.sync()
    assert remote.tree("main") == {path: text.encode() for path, text in BOTH.items() if text is not None}
    healthy(side.sync())
    settled(side, remote, edited=edited)
    remote.fsck()


def changes_in_the_middle(
    here: Side, there: Side, remote: Repo, meanwhile: Meanwhile, step: str, words: tuple[str, ...]
) -> None:
    here.repo.write("in/a.txt", OURS)
    send(there, NEWS)
    meanwhile(*STEPS[step], lambda: here.repo.git("sparse-checkout", *words))
    here.sync()
    comes_to_rest(here, remote, edited=words[0] == "set")


@pytest.mark.soak
@pytest.mark.parametrize("step", STEPS)
def test_the_checkout_changes_in_the_middle(
    there: Side, clone: Callable[..., Repo], remote: Repo, meanwhile: Meanwhile, seed: int, step: str
) -> None:
    kind, command = chosen(seed)
    changes_in_the_middle(sparse(clone, kind), there, remote, meanwhile, step, COMMANDS[kind][command])


@pytest.mark.parametrize(
    ("step", "command"),
    [
        ("before the index follows", "wider"),  # what git brings is what the index had
        ("just before the index follows", "all"),  # what we hide then would never be seen again
        ("while the index follows", "all"),  # what is not hidden for a moment is not brought
    ],
)
def test_a_widening_at_the_worst_moment(
    there: Side, clone: Callable[..., Repo], remote: Repo, meanwhile: Meanwhile, step: str, command: str
) -> None:
    here = sparse(clone, Kind.CONE)
    changes_in_the_middle(here, there, remote, meanwhile, step, COMMANDS[Kind.CONE][command])


@pytest.mark.parametrize(("kind", "first"), [(Kind.CONE, False), (Kind.PATTERNS, True)])
def test_files_that_git_has_taken_away_and_not_told_its_index_of_are_no_deletions(
    there: Side, clone: Callable[..., Repo], remote: Repo, meanwhile: Meanwhile, kind: Kind, first: bool
) -> None:
    """A narrowing holds index.lock, has removed files, and its index is still to come."""
    here = Side(clone("here")) if first else sparse(clone, kind)
    here.pushback["conflict_strategy"] = "merge"
    healthy(here.sync())
    lock = here.repo.path(".git/index.lock")

    def begin() -> None:
        lock.write_text("")
        for path in ("in/a.txt", "in/task.yaml", "in/deep/b.txt"):
            here.repo.delete(path)

    tip = remote.tip("main")
    meanwhile(observe, "status", begin)
    assert here.task(here.sync(), "in").reason == "it is being written"
    assert remote.tip("main") == tip
    lock.unlink()
    here.repo.git("sparse-checkout", *(("set", "--cone") if kind is Kind.CONE else ("set", "--no-cone")), "half/docs")
    healthy(here.sync())
    assert remote.tip("main") == tip
    settled(here, remote)


@pytest.mark.parametrize("kind", [Kind.PATTERNS])
def test_half_of_a_file_that_git_brings_is_no_edit(
    there: Side, clone: Callable[..., Repo], remote: Repo, meanwhile: Meanwhile, kind: Kind
) -> None:
    """A widening holds index.lock, and has written the half of a file."""
    here = sparse(clone, kind)
    lock = here.repo.path(".git/index.lock")

    def begin() -> None:
        lock.write_text("")
        here.repo.write("out/a.txt", LINES[:7])

    tip = remote.tip("main")
    meanwhile(observe, "status", begin)
    here.sync()
    assert remote.tip("main") == tip
    here.repo.delete("out/a.txt")
    lock.unlink()
    here.repo.git("sparse-checkout", *COMMANDS[kind]["wider"])
    healthy(here.sync())
    assert remote.tip("main") == tip
    settled(here, remote)


POINTS = (
    ("snapshot.written", 1),
    ("push.sent", 1),
    ("push.acked_before_db", 1),
    ("checkout.partial", 1),
    ("checkout.partial", 2),
    ("index.followed", 1),
    ("ref.before_cas", 1),
    ("ref.after_cas", 1),
)


@pytest.mark.soak
@pytest.mark.parametrize(("point", "count"), POINTS)
def test_a_crossing_that_dies_goes_on_rightly(
    there: Side, clone: Callable[..., Repo], remote: Repo, seed: int, point: str, count: int
) -> None:
    kind, command = chosen(seed)
    here = sparse(clone, kind)
    here.repo.write("in/a.txt", OURS)
    send(there, NEWS)
    assert killed_at(here, point, count) is None
    assert not any(line[1] == "D" for line in here.repo.status().splitlines())
    if seed % 2:
        here.repo.git("sparse-checkout", *COMMANDS[kind][command])
    comes_to_rest(here, remote, edited=command == "narrower")


@pytest.mark.parametrize("kind", list(Kind))
def test_an_index_that_is_taken_back_after_a_kill_leaves_out_what_it_left_out(
    there: Side, clone: Callable[..., Repo], remote: Repo, kind: Kind
) -> None:
    here = sparse(clone, kind)
    left_out = hidden(here.repo)
    send(there, {"out/a.txt": "theirs\n", "half/data/x.txt": "theirs\n", "half/data/y.txt": None})
    assert killed_at(here, "index.followed") is None
    here.repo.git("remote", "set-url", "origin", "http://127.0.0.1:9/none.git")
    here.sync()
    assert here.repo.status() == ""
    assert hidden(here.repo) == left_out
    here.repo.git("remote", "set-url", "origin", str(remote.root))
    healthy(here.sync())
    settled(here, remote)
