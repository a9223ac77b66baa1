"""A working tree opened for one look: where it is, what reads it, and where what is read goes."""

from __future__ import annotations

from dataclasses import dataclass

from gitferry.repos.git import Git
from gitferry.repos.large_files import LargeFiles
from gitferry.repos.objects import Objects
from gitferry.repos.state import Place, WorkingState
from gitferry.repos.worktree import Worktree


@dataclass(frozen=True, slots=True)
class Opened:
    """For one thread. Git-lfs's files that are read are kept in `large`, where it is given."""

    place: Place
    git: Git
    objects: Objects
    worktree: Worktree
    state: WorkingState
    trusted: bool  # may the repository's own filters run
    large: LargeFiles | None = None
