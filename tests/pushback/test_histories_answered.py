"""The sixteen histories under the strategies that answer: each does what it is allowed to, and nothing more.

Where a history ends in a conflict, the strategy answers it; where it ends in none, no strategy may make one of it.
"""

from __future__ import annotations

import pytest

from gitferry.pushback.outcome import Outcome, Strategy
from gitferry.pushback.undo import undo
from gitferry.tests.pushback.killed import killed_at
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.repo import Repo

FILE = "shared.md"
TASK = "tasks/word-count"
BASE, OURS, THEIRS = "one\nbase\nthree\n", "one\nfrom B\nthree\n", "one\nfrom A\nthree\n"
ANSWERING = (Strategy.MERGE, Strategy.TAKE_LOCAL, Strategy.TAKE_REMOTE)

each = pytest.mark.parametrize("strategy", ANSWERING)


@pytest.fixture
def shared() -> dict[str, str]:
    return {FILE: BASE}


def under(side: Side, strategy: Strategy) -> Side:
    side.pushback["conflict_strategy"] = strategy.value
    return side


def they_push(a: Side, path: str = FILE, content: str = THEIRS) -> None:
    a.repo.write(path, content)
    healthy(a.sync())


def hold(a: Side, b: Side, path: str = FILE) -> Outcome:
    they_push(a, path)
    b.repo.write(path, OURS)
    outcome = b.sync()
    assert b.task(outcome, path).push_status == "conflict"
    return outcome


def kept(repo: Repo, content: str) -> bool:
    """Whether a ref keeps a blob of this content; reflogs, the index and stashes do not count."""
    oid = repo.git("hash-object", "--stdin", stdin=content)
    refs = [name for name in repo.refs() if name != "refs/stash"]
    return oid in repo.git("rev-list", "--objects", "--no-object-names", *refs).splitlines()


def answered(a: Side, b: Side, remote: Repo, strategy: Strategy, path: str = FILE) -> None:
    """Assert that the conflict over the same line is what the strategy makes of it, here, there and at rest."""
    expected = {Strategy.MERGE: (THEIRS, OURS), Strategy.TAKE_LOCAL: (OURS, OURS), Strategy.TAKE_REMOTE: (THEIRS,) * 2}
    theirs, ours = expected[strategy]
    for _ in range(2):
        state = b.sync().state
        assert state == ("conflict" if strategy is Strategy.MERGE else "healthy")
        assert (remote.tree("main")[path], b.repo.read(path)) == (theirs.encode(), ours)
        assert b.repo.head == remote.tip("main")
        assert b.repo.git("diff", "--cached", "--name-only") == ""
    assert kept(b.repo, OURS)
    assert kept(remote, THEIRS)
    healthy(a.sync())
    assert (a.repo.head, a.repo.read(path)) == (remote.tip("main"), theirs)
    for repo in (b.repo, remote):
        repo.fsck()


# -- those that end in a conflict


@each
def test_01_the_user_commits_what_is_held(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    hold(a, b)
    b.repo.git("commit", "-qam", "mine")
    under(b, strategy)
    answered(a, b, remote, strategy)


@each
def test_02_it_comes_back_from_the_stash(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    hold(a, b)
    under(b, strategy)
    b.repo.git("stash", "-q")
    healthy(b.sync())
    assert (b.repo.read(FILE), remote.tree("main")[FILE]) == (THEIRS, THEIRS.encode())
    b.repo.git("stash", "pop", "-q")
    answered(a, b, remote, strategy)


@each
def test_02_it_comes_back_by_way_of_another_branch(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    hold(a, b)
    under(b, strategy)
    b.repo.git("checkout", "-qb", "side")
    assert b.sync().state == "waiting"
    b.repo.git("commit", "-qam", "mine, on the side")
    b.repo.git("checkout", "-q", "main")
    b.sync()
    assert (b.repo.read(FILE), remote.tree("main")[FILE]) == (THEIRS, THEIRS.encode())
    b.repo.git("checkout", "side", "--", FILE)
    b.repo.git("reset", "-q")
    answered(a, b, remote, strategy)


@each
def test_03_both_add_the_same_file(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    they_push(a, "new.md")
    b.repo.write("new.md", OURS)
    under(b, strategy)
    answered(a, b, remote, strategy, "new.md")


@each
@pytest.mark.parametrize("point", ["push.before", "push.acked_before_db", "ref.before_cas", "ref.after_cas"])
def test_04_a_crash_around_the_push_of_a_merge(a: Side, b: Side, remote: Repo, strategy: Strategy, point: str) -> None:
    they_push(a)
    b.repo.write_all({FILE: OURS, "README.md": "travels\n"})
    b.repo.git("commit", "-qam", "mine")
    assert killed_at(under(b, strategy), point) is None
    answered(a, b, remote, strategy)
    assert remote.tree("main")["README.md"] == b"travels\n"


@each
def test_08_a_dirty_file_in_no_task_is_answered_by_nobody(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    b.tasks = {"rest": "ignore"}
    they_push(a, "README.md")
    b.repo.write("README.md", OURS)
    under(b, strategy).sync()
    b.repo.git("commit", "-qam", "mine")
    for _ in range(2):
        b.sync()
        assert remote.tree("main")["README.md"] == THEIRS.encode()
        assert b.repo.read("README.md") == OURS


@each
def test_15_merge_bases_that_differ(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    b.repo.write("x.md", "x\n")
    healthy(b.sync())
    base = remote.tip("main")
    # Two branches that merged one another: one edited x.md, the other left it alone.
    work = Repo.clone(remote.root, remote.root.parent / "criss-cross")
    work.write("x.md", "x edited\n")
    one = work.commit("edit x")
    work.git("checkout", "-q", base)
    work.write("y.md", "y\n")
    two = work.commit("add y")
    work.git("checkout", "-q", one)
    work.git("merge", "-q", "-m", "upstream's merge", two)
    work.write("x.md", "x edited again\n")
    work.git("push", "-q", "origin", f"{work.commit('edit x again')}:refs/heads/main")
    work.git("checkout", "-q", two)
    work.git("merge", "-q", "-m", "our merge", one)
    b.repo.fetch(str(work.root), work.head)
    b.repo.git("reset", "-q", "--hard", work.head)
    b.repo.fetch("origin")
    b.repo.delete("x.md")
    under(b, strategy)
    for _ in range(2):
        b.sync()
        assert b.repo.exists("x.md") == (strategy is Strategy.TAKE_REMOTE)
        assert remote.tree("main").get("x.md") == (None if strategy is Strategy.TAKE_LOCAL else b"x edited again\n")
    assert kept(remote, "x edited again\n")


@each
def test_16_the_branch_is_renamed(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    hold(a, b)
    b.repo.git("branch", "-m", "trunk")
    under(b, strategy)
    assert b.sync().state == "waiting"
    assert (b.repo.read(FILE), remote.tree("main")[FILE]) == (OURS, THEIRS.encode())
    b.branch = "trunk"
    answered(a, b, remote, strategy)


# -- those that end in none


def one(b: Side, remote: Repo, content: str, path: str = FILE) -> None:
    """Assert that there is no conflict, and one content on both sides."""
    healthy(b.sync())
    assert (b.repo.read(path), remote.tree("main")[path]) == (content, content.encode())
    assert (b.repo.head, b.repo.status()) == (remote.tip("main"), "")


@each
@pytest.mark.parametrize("point", ["checkout.partial", "ref.before_cas", "ref.after_cas"])
def test_06_a_crash_in_a_pull(a: Side, b: Side, remote: Repo, strategy: Strategy, point: str) -> None:
    they_push(a)
    assert killed_at(under(b, strategy), point) is None
    they_push(a, content="one\nfrom A, again\nthree\n")
    tip = remote.tip("main")
    one(b, remote, "one\nfrom A, again\nthree\n")
    assert remote.tip("main") == tip


@each
@pytest.mark.parametrize("count", [1, 2])
def test_07_half_a_pulled_task(a: Side, b: Side, remote: Repo, strategy: Strategy, count: int) -> None:
    a.repo.write_all({f"{TASK}/{name}": f"{name} from A\n" for name in ("one.txt", "two.txt")})
    healthy(a.sync())
    tree = remote.tree("main")
    assert killed_at(under(b, strategy), "checkout.partial", count) is None
    one(b, remote, "one.txt from A\n", f"{TASK}/one.txt")
    assert remote.tree("main") == tree


@each
@pytest.mark.parametrize("point", ["push.acked_before_db", "ref.before_cas", "ref.after_cas"])
def test_09_an_edit_after_a_crash_after_the_push(
    a: Side, b: Side, remote: Repo, strategy: Strategy, point: str
) -> None:
    b.repo.write(FILE, OURS)
    assert killed_at(under(b, strategy), point) is None
    b.repo.write(FILE, "one\nfrom B, newer\nthree\n")
    one(b, remote, "one\nfrom B, newer\nthree\n")


@each
@pytest.mark.parametrize("commit", [False, True], ids=["gitferry's", "the user's"])
def test_10_an_amended_commit(a: Side, b: Side, remote: Repo, strategy: Strategy, commit: bool) -> None:
    b.repo.write(FILE, OURS)
    if commit:
        b.repo.git("commit", "-qam", "mine")
    healthy(under(b, strategy).sync())
    before = remote.tip("main")
    b.repo.write(FILE, "one\nfrom B, amended\nthree\n")
    b.repo.git("commit", "-qa", "--amend", "--no-edit")
    one(b, remote, "one\nfrom B, amended\nthree\n")
    assert before in remote.commits("main")


@each
@pytest.mark.parametrize("commit", [False, True])
def test_11_our_edit_arrived_another_way(a: Side, b: Side, remote: Repo, strategy: Strategy, commit: bool) -> None:
    b.repo.write(FILE, OURS)
    if commit:
        b.repo.git("commit", "-qam", "sent by mail too")
    they_push(a, content=OURS)
    they_push(a, content="one\nfrom B, then A\nthree\n")
    under(b, strategy)
    one(b, remote, "one\nfrom B, then A\nthree\n")


@each
def test_12_what_an_administrator_dropped(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    tip = remote.tip("main")
    they_push(a, "secret.md", "must go\n")
    healthy(b.sync())
    remote.git("update-ref", "refs/heads/main", tip)
    b.repo.write(FILE, OURS)
    for _ in range(2):
        assert under(b, strategy).sync().state == "waiting"
        assert (remote.tip("main"), b.repo.read(FILE)) == (tip, OURS)


@each
def test_13_a_pull_into_a_deleted_task(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    a.repo.write_all({f"{TASK}/one.txt": "1\n", f"{TASK}/two.txt": "2\n"})
    healthy(a.sync())
    healthy(b.sync())
    for path in [path for path in b.repo.worktree() if path.startswith(f"{TASK}/")]:
        b.repo.delete(path)
    they_push(a, f"{TASK}/one.txt", "1, from A\n")
    tree = remote.tree("main")
    b.repo.pull("--no-rebase")
    under(b, strategy)
    for _ in range(2):
        b.sync()
        assert remote.tree("main") == tree


@each
def test_14_what_was_undone(a: Side, b: Side, remote: Repo, strategy: Strategy) -> None:
    b.repo.write(FILE, OURS)
    pushed = healthy(under(b, strategy).sync()).operation
    assert pushed is not None
    assert undo(b.settings, pushed.id, host=b.host).error is None
    for commit in (False, True):
        if commit:
            b.repo.git("commit", "-qam", "kept for later")
        b.sync()
        assert (remote.tree("main")[FILE], b.repo.read(FILE)) == (BASE.encode(), OURS)
