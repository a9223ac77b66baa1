"""A new task travels whole, whichever of its files was saved last."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitferry.pushback.outcome import Outcome
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

FILE, MANIFEST = "tasks/new/deep/main.js", "tasks/new/metadata.json"


def arrived(remote: Repo) -> list[str]:
    return [path for path in remote.tree("main") if path.startswith("tasks/new/")]


def test_a_manifest_brings_what_its_directory_holds(here: Side, remote: Repo) -> None:
    here.repo.write_all({FILE: "x\n", MANIFEST: '{"name": "new"}\n'})
    healthy(here.save(MANIFEST))
    assert arrived(remote) == [FILE, MANIFEST]


def test_not_even_half_of_one_goes_while_the_rest_is_being_saved(here: Side, remote: Repo) -> None:
    here.repo.write_all({FILE: "half", MANIFEST: '{"name": "new"}\n'})
    here.save(MANIFEST, unsettled=frozenset({FILE}))
    assert arrived(remote) == []


@pytest.mark.parametrize("look", [Side.sync, lambda here: here.save(FILE, MANIFEST)], ids=["everywhere", "at them"])
def test_it_goes_also_where_what_is_in_no_task_is_ignored(
    here: Side, remote: Repo, look: Callable[[Side], Outcome]
) -> None:
    here.tasks["rest"] = "ignore"
    here.repo.write_all({FILE: "x\n", "tasks/notes.md": "mine\n", "tasks/new/.env": "mine\n"})
    healthy(here.save(FILE))
    assert arrived(remote) == []
    here.repo.write(MANIFEST, '{"name": "new"}\n')
    healthy(look(here))
    assert arrived(remote) == [FILE, MANIFEST]
    assert "tasks/notes.md" not in remote.tree("main")
