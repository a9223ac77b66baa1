"""Hooks are found where git finds them, and run on the scratch repository wherever they lie."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.repos.hook_files import TooManyFiles
from gitferry.tests.repo import Repo
from gitferry.tests.repos.hooking import Hooked, a_hooked_repository, everything

SHOW = 'echo "$0"; cat b; git status --porcelain'


@pytest.fixture
def hooked(tmp_path: Path) -> Iterator[Hooked]:
    with a_hooked_repository(tmp_path / "work") as hooked:
        yield hooked


@pytest.fixture
def repo(hooked: Hooked) -> Repo:
    return hooked.repo


def script(repo: Repo, path: str, body: str = SHOW) -> Path:
    return repo.write(path, f"#!/bin/sh\n{body}\n", executable=True)


def said(hooked: Hooked, files: dict[str, str | bytes | None] | None = None) -> list[str]:
    verdict = hooked.commit({"b": "2\n", **(files or {})})
    assert verdict.failed is None and verdict.notes == (), verdict
    return [line for ran in verdict.ran for line in ran.output.splitlines()]


@pytest.mark.parametrize("chosen", [".hooks", "{root}/.hooks", "./.hooks/"])
def test_tracked_hooks_are_those_of_the_tree(repo: Repo, hooked: Hooked, chosen: str) -> None:
    script(repo, ".hooks/pre-commit")
    script(repo, ".hooks/lib/part", "echo part")
    repo.commit("hooks")
    repo.git("config", "core.hooksPath", chosen.format(root=repo.root))
    script(repo, ".hooks/pre-commit", "echo edited and not to travel")
    command, *rest = said(hooked)
    assert (os.path.normpath(command), rest) == (".hooks/pre-commit", ["2", "A  b"])
    changed = hooked.tree({".hooks/pre-commit": "#!/bin/sh\n.hooks/lib/part; exit 1\n"}, executable=True)
    failed = hooked.hooks.for_commit(changed, parents=[repo.head], branch="main", message="m\n").failed
    assert failed is not None and failed.output == "part"


def test_a_hook_that_is_not_executable_in_the_tree_is_told(repo: Repo, hooked: Hooked) -> None:
    script(repo, ".hooks/pre-commit").chmod(0o644)
    repo.commit("hooks")
    repo.path(".hooks/pre-commit").chmod(0o755)
    repo.git("config", "core.hooksPath", ".hooks")
    verdict = hooked.commit({"b": "2\n"})
    assert verdict.ran == () and verdict.failed is None
    assert verdict.notes == ("the hook pre-commit did not run: it is not executable in the tree that is to travel",)


def test_untracked_hooks_in_the_working_tree_come_along(repo: Repo, hooked: Hooked) -> None:
    # As husky has them: `.husky/pre-commit` is tracked, `.husky/_` is made by `npm install`.
    script(repo, ".husky/pre-commit")
    repo.commit("husky")
    script(repo, ".husky/_/pre-commit", '. "${0%/*}/h"')
    repo.write(".husky/_/h", 'sh -e ".husky/${0##*/}"\n')
    repo.write(".husky/_/odd name [x]", "")
    repo.git("config", "core.hooksPath", ".husky/_")
    expected = [".husky/pre-commit", "2", "A  b"]
    assert said(hooked) == expected
    script(repo, ".husky/pre-commit", "git add --all; git status --porcelain")
    assert (
        said(hooked, {".husky/pre-commit": "#!/bin/sh\ngit add -A\ngit status --porcelain\n"})[0]
        == "M  .husky/pre-commit"
    )
    repo.write(".husky/_/.gitignore", "*\n")
    assert said(hooked) == expected


def test_links_into_the_working_tree_lead_into_the_scratch_one(repo: Repo, hooked: Hooked, tmp_path: Path) -> None:
    script(repo, "scripts/pre-commit", 'cd "$(dirname "$(readlink -f "$0")")/.." && pwd && git stash -q -u')
    repo.commit("scripts")
    repo.path(".git/hooks").mkdir()
    repo.write("a", "edited\n")
    tree, parents = hooked.tree({"b": "2\n"}), [repo.head]
    for target in ("../../scripts/pre-commit", str(repo.path("scripts/pre-commit"))):
        repo.link(".git/hooks/pre-commit", target)
        before = everything(repo)
        failed = hooked.hooks.for_commit(tree, parents=parents, branch="main", message="m\n").failed
        assert failed is not None and failed.reason == "it staged changes of its own"
        assert failed.output.splitlines()[0] == str(hooked.scratch)
        assert everything(repo) == before
    for target in ("../../tools/untracked", str(script(Repo(tmp_path), "elsewhere"))):
        script(repo, "tools/untracked")
        repo.link(".git/hooks/pre-commit", target)
        assert said(hooked)[-2:] == ["2", "A  b"]


def test_hooks_in_the_git_directory_bring_what_lies_beside_them(repo: Repo, hooked: Hooked) -> None:
    hook = repo.hook("pre-commit", '. "$(dirname "$0")/lib/part.sh"; git rev-parse --git-path hooks')
    repo.write(".git/hooks/lib/part.sh", "echo part\n")
    repo.write(".git/hooks/pre-push.sample", "")
    assert said(hooked) == ["part", ".git/hooks"]
    assert not (hooked.scratch / ".git/hooks/pre-push.sample").exists()
    shutil.move(hook.parent, repo.path(".git/own"))
    for chosen in (".git/own", str(repo.path(".git/own"))):
        repo.git("config", "core.hooksPath", chosen)
        assert said(hooked) == ["part", ".git/own"]


@pytest.mark.parametrize("scope", ["--local", "--global"])
def test_hooks_elsewhere_are_run_from_there(repo: Repo, hooked: Hooked, home: Path, scope: str) -> None:
    script(Repo(home), "hooks/pre-commit")
    repo.git("config", scope, "core.hooksPath", "~/hooks")
    assert said(hooked) == [f"{home}/hooks/pre-commit", "2", "A  b"]


@pytest.mark.parametrize("chosen", ["/dev/null", "missing", "/missing", "a"])
def test_where_there_is_no_directory_there_are_no_hooks(repo: Repo, hooked: Hooked, chosen: str) -> None:
    repo.hook("pre-commit", "exit 1")
    repo.git("config", "core.hooksPath", chosen)
    assert hooked.hooks.names() == ()
    assert len(hooked.hooks.version()) == 64


def test_the_top_itself_and_a_directory_that_is_none_of_hooks(repo: Repo, hooked: Hooked) -> None:
    script(repo, "pre-commit", "git status --porcelain")
    repo.git("config", "core.hooksPath", ".")
    assert said(hooked) == ["A  b"]
    for number in range(1001):
        repo.write(f"node_modules/{number}", "")
    with pytest.raises(TooManyFiles):
        hooked.commit({"b": "2\n"})


def test_a_script_without_a_first_line_and_one_with_a_wrong_one(repo: Repo, hooked: Hooked) -> None:
    hook = repo.hook("pre-commit", "")
    hook.write_text('echo plain "$0"\n')
    assert said(hooked) == ["plain .git/hooks/pre-commit"]
    hook.write_text("#!/no/such/program\n")
    failed = hooked.commit({"b": "2\n"}).failed
    assert failed is not None and failed.reason == "exit code 126"
    assert failed.output == ".git/hooks/pre-commit cannot be started: No such file or directory"


def test_the_version_changes_with_what_decides(repo: Repo, hooked: Hooked) -> None:
    versions = [hooked.hooks.version()]

    def changed() -> bool:
        versions.append(hooked.hooks.version())
        return versions[-1] != versions[-2]

    hook = repo.hook("pre-commit", "exit 1")
    assert changed() and not changed()
    hook.write_text("#!/bin/sh\nexit 0\n")
    assert changed() and not changed()
    hook.chmod(0o644)
    assert changed()
    repo.write(".git/hooks/part", "")
    assert changed() and not changed()
    repo.git("config", "hooks.strict", "yes")
    assert changed() and not changed()
    repo.git("config", "core.hooksPath", ".hooks")
    assert changed()
    repo.link(".hooks/pre-commit", "../target")
    assert changed()
    script(repo, "target")
    assert changed() and not changed()
    repo.write("a", "2\n")
    repo.commit("more")
    assert not changed()


def test_git_lfs_s_own_hook_is_told_from_one_that_does_more(repo: Repo, hooked: Hooked) -> None:
    checks = (
        """command -v git-lfs >/dev/null 2>&1 || { echo >&2 "\\nThis needs 'git-lfs'; see '.git'.\\n"; exit 2; }""",
        """command -v git-lfs >/dev/null 2>&1 || { printf >&2 "\\n%s\\n\\n" "This needs it."; exit 2; }""",
    )
    for check in checks:
        repo.hook("pre-push", f'# made by git-lfs\n{check}\ngit lfs pre-push "$@"')
        assert hooked.hooks.names() == ()
        for more in (f'{check}\ngit lfs pre-push "$@" && make test', f'{check}; make test\ngit lfs pre-push "$@"'):
            repo.hook("pre-push", more)
            assert hooked.hooks.names() == ("pre-push",)
