"""Where several processes share the tests out by file: the long files first, so that none is left alone at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).resolve().parent
#: Files that take longer than the number of their tests tells, such as wait beside such as compute.
LONG = (
    "integration/test_systemd.py",
    "daemon/test_process.py",
    "pushback/test_cases.py",
    "daemon/cli/test_verbs.py",
    "integration/test_canary.py",
    "daemon/cli/test_resolve.py",
    "integration/test_demo.py",
    "pushback/test_sparse_races.py",
    "integration/test_crossings.py",
    "integration/test_simulation.py",
    "test_house.py",
    "daemon/cli/test_review_verbs.py",
    "integration/test_rebuild.py",
    "security/test_audit.py",
    "daemon/cli/test_audit.py",
    "daemon/cli/test_imports.py",
    "integration/test_attention.py",
    "pushback/test_large_files.py",
    "test_benchmarks.py",
    "integration/test_bad_lines.py",
    "pushback/test_same_tree.py",
    "integration/test_signing_in.py",
    "integration/test_kills.py",
    "repos/test_hooks_pre_commit.py",
    "integration/test_live_settings.py",
    "daemon/test_house.py",
    "repos/test_git_dir_watch.py",
    "daemon/test_notify.py",
    "security/test_mutated.py",
)


def place(paths: list[Path]) -> Callable[[Path], tuple[int, int]]:
    """Return what to sort by, given the file of each test: the long files as they are named, then by their tests."""
    named = {TESTS / name: at for at, name in enumerate(LONG)}
    tests = Counter(paths)
    return lambda path: (named.get(path, len(named)), -tests[path])
