"""The three-way cases: what a task was, what each side made of it, and what each strategy may make of both.

Ours is the clone that crosses second, theirs is at the remote by then. In every text `@` stands for the case's own
name, so that files of different cases look nothing like one another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gitferry.pushback.outcome import Strategy
from gitferry.repos.content import EXECUTABLE, FILE, SYMLINK, File

Files = Mapping[str, File]
#: Path → what a side made of it; None where it deleted it.
Changes = Mapping[str, File | None]


class Says(StrEnum):
    """What a case comes to."""

    SAME = "same"  # both sides did the same: nothing is left to do
    OURS = "ours"  # ours holds theirs already, so it travels whatever the strategy
    THEIRS = "theirs"
    TOGETHER = "both"  # different tasks: both travel whatever the strategy
    MERGES = "merges"  # one task, and both changes fit together
    CONFLICTS = "conflicts"  # one task, and they do not
    INVALID = "invalid"  # it merges, but ours is no valid task: it waits until it is, or until the user commits it


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One row. `both` are all its files once merged, where git's own merge, which conflicts, cannot say it.

    `alike`: ours moved a file and edited it. The new one only resembles the old, so `take_remote` leaves it.
    """

    name: str
    says: Says
    base: Files
    ours: Changes
    theirs: Changes
    both: Files | None = None
    layout: str = "auto"
    alike: bool = False

    @property
    def directory(self) -> str:
        """Where in the repository the case's files lie."""
        return re.sub(r"\W+", "-", self.name.replace("→", "to"))

    def placed(self, changes: Changes) -> dict[str, File | None]:
        """Return the files of one side where they lie, written for this case."""
        name = self.directory.encode()
        return {
            f"{self.directory}/{path}": None if file is None else File(file.mode, file.data.replace(b"@", name))
            for path, file in changes.items()
        }

    def expects(self, strategy: Strategy, *, committed: bool = False) -> tuple[str, str, str]:
        """Return whose content the remote has, whose the working tree, and how the task stands.

        `committed`: ours is a commit of the user's.
        """
        says = self.says
        if says is Says.INVALID and not committed:
            return "theirs", "ours", "failed"
        if says in (Says.SAME, Says.THEIRS):
            return says.value, says.value, "not_required"
        if says in (Says.OURS, Says.TOGETHER):
            return says.value, says.value, "completed"
        if self.alike and strategy is Strategy.TAKE_REMOTE:
            return "else", "else", "not_required" if committed else "completed"
        settled = {Strategy.TAKE_LOCAL: ("ours", "completed"), Strategy.TAKE_REMOTE: ("theirs", "not_required")}
        if says is not Says.CONFLICTS:
            settled[Strategy.MERGE] = ("both", "completed")
        if strategy in settled:
            whose, status = settled[strategy]
            return whose, whose, status
        return "theirs", "ours", "in_review" if strategy is Strategy.CREATE_PR else "conflict"


def text(edits: Mapping[int, str] | None = None, *, end: str = "\n", encoding: str = "utf-8") -> File:
    """Return nine numbered lines, some of them edited."""
    lines = [(edits or {}).get(number, f"@, line {number}, as it was") for number in range(9)]
    return File(FILE, "".join(line + end for line in lines).encode(encoding))


def raw(data: str | bytes, mode: int = FILE) -> File:
    """Return a file of these very bytes."""
    return File(mode, data.encode() if isinstance(data, str) else data)


def with_mode(file: File, mode: int) -> File:
    """Return the same file under another mode."""
    return File(mode, file.data)


OLD = text()
OURS, THEIRS = text({1: "@, by us"}), text({1: "@, by them"})
NEAR, FAR = text({2: "@, by us, next to it"}), text({7: "@, by us, far from it"})
WITH_THEIRS = {1: "@, by them", 7: "@, by us, far from it"}
MERGED = text(WITH_THEIRS)
LATIN = "latin-1"
JSON = '{\n  "name": "@",\n  "low": %s,\n  "high": %s,\n  "unit": "K"\n}\n'
YAML = "# of @\nname: '@'\nlow: %s  # in K\nhigh: %s\nunit: K\n"
MANIFEST = raw('{"name": "@", "version": "1.0.0"}\n')
SUB_MANIFEST = raw('{"name": "inner of @", "version": "1.0.0"}\n')
#: A task in a directory of its own, and one that lies within it.
TASK = {"metadata.json": MANIFEST, "main.txt": OLD, "sub/data.txt": text({0: "@, data"})}
NESTED = {**TASK, "sub/metadata.json": SUB_MANIFEST}
DATA_OURS, DATA_THEIRS = (text({0: "@, data", 1: f"@, data, by {who}"}) for who in ("us", "them"))
GONE = dict.fromkeys(TASK)
HOME: Files = {f"home/{path}": file for path, file in TASK.items()}
MOVED: Changes = {**dict.fromkeys(HOME), **{f"moved/{path}": file for path, file in TASK.items()}}
INTO: Changes = {**dict.fromkeys(TASK), **{f"moved/{path}": file for path, file in TASK.items()}}


@dataclass(slots=True)
class _Rows:
    found: list[Case] = field(default_factory=list)

    def add(
        self,
        name: str,
        says: Says,
        base: Files,
        ours: Changes,
        theirs: Changes,
        both: Files | None = None,
        *,
        layout: str = "auto",
        alike: bool = False,
    ) -> None:
        self.found.append(Case(name, says, base, ours, theirs, both, layout, alike))


def _one_file(add: _Rows) -> None:
    one = {"a.txt": OLD}
    add.add("edit / edit, same line", Says.CONFLICTS, one, {"a.txt": OURS}, {"a.txt": THEIRS})
    add.add("edit / edit, next line", Says.CONFLICTS, one, {"a.txt": NEAR}, {"a.txt": THEIRS})
    add.add("edit / edit, other line", Says.MERGES, one, {"a.txt": FAR}, {"a.txt": THEIRS})
    add.add("edit / edit, same change", Says.SAME, one, {"a.txt": OURS}, {"a.txt": OURS})
    add.add("edit / edit, ours holds theirs", Says.OURS, one, {"a.txt": MERGED}, {"a.txt": THEIRS})
    add.add("edit / edit, theirs holds ours", Says.THEIRS, one, {"a.txt": FAR}, {"a.txt": MERGED})
    add.add("edit / edit, two tasks", Says.TOGETHER, {**one, "b.txt": FAR}, {"a.txt": OURS}, {"b.txt": MERGED})
    add.add("emptied / edit", Says.CONFLICTS, one, {"a.txt": raw("")}, {"a.txt": THEIRS})
    unended = raw(OLD.data.removesuffix(b"\n"))
    ended = {"a.txt": raw(text({8: "@, the last line"}).data)}
    add.add("last line ended / edit, other line", Says.MERGES, {"a.txt": unended}, ended, {
        "a.txt": raw(THEIRS.data.removesuffix(b"\n"))
    })  # fmt: skip


def _structure(add: _Rows) -> None:
    for suffix, form in (("json", JSON), ("yaml", YAML)):
        name = f"a.{suffix}"
        base, ours, theirs, other, both = (
            {name: raw(form % values)} for values in ((1, 2), (1, 20), (10, 2), (11, 2), (10, 20))
        )
        kind = suffix.upper()
        add.add(f"edit / edit, {kind}, next key", Says.MERGES, base, ours, theirs, both)
        add.add(f"edit / edit, {kind}, same key", Says.CONFLICTS, base, other, theirs)


def _encodings(add: _Rows) -> None:
    old, ours, theirs = ({"a.bin": raw(bytes((0, 1, 2, number)) + b"@\0")} for number in range(3))
    add.add("edit / edit, binary", Says.CONFLICTS, old, ours, theirs)
    old, ours, theirs, near = (
        {"a.txt": text(edits, encoding=LATIN)}
        for edits in ({0: "@, übrig"}, {0: "@, übrig", 7: "@, für uns"}, {0: "@, übrig", 1: "@, für sie"}, {
            0: "@, übrig", 1: "@, für uns"
        })
    )  # fmt: skip
    add.add("edit / edit, not UTF-8, other line", Says.MERGES, old, ours, theirs)
    add.add("edit / edit, not UTF-8, same line", Says.CONFLICTS, old, near, theirs)
    old, ours, theirs = ({"a.txt": text(edits, end="\r\n")} for edits in ({}, {7: "@, ours"}, {1: "@, theirs"}))
    add.add("edit / edit, CRLF, other line", Says.MERGES, old, ours, theirs)
    add.add("edit / line ends converted", Says.CONFLICTS, {"a.txt": OLD}, {"a.txt": FAR}, old)
    add.add("line ends converted / edit", Says.CONFLICTS, {"a.txt": OLD}, old, {"a.txt": FAR})
    attributes = {".gitattributes": raw("*.txt text eol=crlf\n")}
    add.add("edit / edit, eol=crlf, other line", Says.MERGES, {**attributes, **old}, ours, theirs)
    for value in ("-merge", "merge=union", "merge=unknown"):
        base = {".gitattributes": raw(f"*.txt {value}\n"), "a.txt": OLD}
        add.add(f"edit / edit, {value}", Says.CONFLICTS, base, {"a.txt": FAR}, {"a.txt": THEIRS})


def _added_and_deleted(add: _Rows) -> None:
    one = {"a.txt": OLD}
    add.add("add / add, same", Says.SAME, {}, one, one)
    add.add("add / add, different", Says.CONFLICTS, {}, {"a.txt": OURS}, {"a.txt": THEIRS})
    add.add("add / add, same but for the mode", Says.CONFLICTS, {}, {"a.txt": with_mode(OLD, EXECUTABLE)}, one)
    add.add("add / add, JSON, other keys", Says.CONFLICTS, {}, {"a.json": raw('{"a": "@"}')}, {
        "a.json": raw('{"b": "@"}')
    })  # fmt: skip
    add.add("add / add, file against directory", Says.CONFLICTS, {}, {"a": OURS}, {"a/b.txt": THEIRS})
    add.add("add / add, directory against file", Says.CONFLICTS, {}, {"a/b.txt": OURS}, {"a": THEIRS})
    add.add("add / edit, two tasks", Says.TOGETHER, one, {"b.txt": raw("@ adds\n")}, {"a.txt": THEIRS})
    add.add("edit / delete", Says.CONFLICTS, one, {"a.txt": OURS}, {"a.txt": None})
    add.add("delete / edit", Says.CONFLICTS, one, {"a.txt": None}, {"a.txt": THEIRS})
    add.add("delete / delete", Says.SAME, one, {"a.txt": None}, {"a.txt": None})
    add.add("delete / mode", Says.CONFLICTS, one, {"a.txt": None}, {"a.txt": with_mode(OLD, EXECUTABLE)})


def _renames(add: _Rows) -> None:
    one = {"a.txt": OLD}
    ours: Changes = {"a.txt": None, "b.txt": OLD}
    edited: Changes = {"a.txt": None, "b.txt": FAR}
    theirs: Changes = {"a.txt": None, "c.txt": OLD}
    add.add("rename / edit", Says.MERGES, one, ours, {"a.txt": THEIRS})
    add.add("edit / rename", Says.MERGES, one, {"a.txt": OURS}, theirs)
    add.add("rename and edit / edit, other line", Says.MERGES, one, edited, {"a.txt": THEIRS}, alike=True)
    add.add(
        "rename and edit / edit, same line",
        Says.CONFLICTS,
        one,
        {"a.txt": None, "b.txt": OURS},
        {"a.txt": THEIRS},
        alike=True,
    )
    add.add("rename / rename, same target", Says.SAME, one, ours, ours)
    add.add("rename / rename, different targets", Says.CONFLICTS, one, ours, theirs)
    add.add("rename / delete", Says.CONFLICTS, one, ours, {"a.txt": None})
    add.add("delete / rename", Says.CONFLICTS, one, {"a.txt": None}, theirs)
    add.add("rename / add at its target", Says.CONFLICTS, one, ours, {"b.txt": raw("@ adds this, by chance\n")})
    add.add("add at its target / rename", Says.CONFLICTS, one, {"c.txt": raw("@ adds this, by chance\n")}, theirs)
    two = {**one, "d.txt": raw("@ has a file that looks like no other\n")}
    to_one: Changes = {"d.txt": None, "b.txt": two["d.txt"]}
    add.add("rename / rename of another, same target", Says.CONFLICTS, two, ours, to_one)


def _types(add: _Rows) -> None:
    one, runs = {"a.txt": OLD}, with_mode(OLD, EXECUTABLE)
    link, ours, theirs = (raw(f"@-{where}", SYMLINK) for where in ("nowhere", "here", "there"))
    inner: Changes = {"a.txt": None, "a.txt/b.txt": raw("@, quite another file\n")}
    into: Changes = {"a.txt": None, "a.txt/b.txt": OLD}
    add.add("file→directory / edit", Says.CONFLICTS, one, inner, {"a.txt": THEIRS})
    add.add("edit / file→directory", Says.CONFLICTS, one, {"a.txt": OURS}, inner)
    add.add("file moved into its place / edit", Says.MERGES, one, into, {"a.txt": THEIRS})
    add.add("edit / file moved into its place", Says.MERGES, one, {"a.txt": OURS}, into)
    within = {"d/a.txt": OLD, "d/b.txt": raw("@, another\n")}
    flat: Changes = {"d/a.txt": None, "d/b.txt": None, "d": raw("@, now a file\n")}
    add.add("directory→file / edit in it", Says.CONFLICTS, within, flat, {"d/a.txt": THEIRS})
    add.add("edit in it / directory→file", Says.CONFLICTS, within, {"d/a.txt": OURS}, flat)
    add.add("mode / edit", Says.MERGES, one, {"a.txt": runs}, {"a.txt": THEIRS})
    add.add("edit / mode", Says.MERGES, one, {"a.txt": OURS}, {"a.txt": runs})
    add.add("mode / mode", Says.SAME, one, {"a.txt": runs}, {"a.txt": runs})
    add.add("file→symlink / edit", Says.CONFLICTS, one, {"a.txt": link}, {"a.txt": THEIRS})
    add.add("edit / file→symlink", Says.CONFLICTS, one, {"a.txt": OURS}, {"a.txt": link})
    add.add("symlink / symlink", Says.CONFLICTS, {"l": link}, {"l": ours}, {"l": theirs})
    add.add("symlink / symlink, same target", Says.SAME, {"l": link}, {"l": ours}, {"l": ours})


def _tasks(add: _Rows) -> None:
    data: tuple[Changes, Changes] = ({"sub/data.txt": DATA_OURS}, {"sub/data.txt": DATA_THEIRS})
    add.add("task, other files", Says.MERGES, TASK, {"main.txt": OURS}, data[1])
    add.add("task, same file, same line", Says.CONFLICTS, TASK, {"main.txt": OURS}, {"main.txt": THEIRS})
    add.add("task, same file, other line", Says.MERGES, TASK, {"main.txt": FAR}, {"main.txt": THEIRS})
    add.add("task, file deleted / other file edited", Says.MERGES, TASK, {"sub/data.txt": None}, {"main.txt": THEIRS})
    add.add("task, other file edited / file deleted", Says.MERGES, TASK, {"main.txt": OURS}, {"sub/data.txt": None})
    add.add("task, file deleted / same file edited", Says.CONFLICTS, TASK, {"main.txt": None}, {"main.txt": THEIRS})
    add.add("task, file renamed / same file edited", Says.MERGES, TASK, {"main.txt": None, "new.txt": OLD}, {
        "main.txt": THEIRS
    })  # fmt: skip
    apart: tuple[Changes, Changes] = ({"main.txt": None, "new.txt": OLD}, {"main.txt": None, "old.txt": OLD})
    add.add("task, file renamed apart", Says.CONFLICTS, TASK, *apart)
    add.add("task, file renamed / deleted", Says.CONFLICTS, TASK, apart[0], {"main.txt": None})
    add.add("task, other files added", Says.MERGES, TASK, {"x.txt": raw("@ x\n")}, {"y.txt": raw("@ y\n")})
    moved: Changes = {"sub/data.txt": None, "other/data.txt": TASK["sub/data.txt"]}
    new = {"sub/new.txt": raw("@ new\n")}
    both = {"metadata.json": MANIFEST, "main.txt": OLD, "other/data.txt": TASK["sub/data.txt"], **new}
    add.add("task, directory renamed / file added", Says.MERGES, TASK, moved, new, both)
    add.add("task deleted / edit", Says.CONFLICTS, TASK, GONE, {"main.txt": THEIRS})
    add.add("edit / task deleted", Says.CONFLICTS, TASK, {"main.txt": OURS}, GONE)
    add.add("task deleted / deleted", Says.SAME, TASK, GONE, GONE)
    add.add("task moved / edit", Says.MERGES, HOME, MOVED, {"home/main.txt": THEIRS})
    add.add("edit / task moved", Says.MERGES, HOME, {"home/main.txt": OURS}, MOVED)
    add.add("task moved into itself / edit", Says.MERGES, TASK, INTO, {"main.txt": THEIRS})
    add.add("edit / task moved into itself", Says.MERGES, TASK, {"main.txt": OURS}, INTO)
    split: Changes = {"sub/metadata.json": SUB_MANIFEST}
    add.add("task split / edit in the new one", Says.MERGES, TASK, split, data[1])
    add.add("edit in the new one / task split", Says.MERGES, TASK, data[0], split)
    add.add("task split / edit in the old one", Says.TOGETHER, TASK, split, {"main.txt": THEIRS})
    add.add("edit in the old one / task split", Says.TOGETHER, TASK, {"main.txt": OURS}, split)
    joined: Changes = {"sub/metadata.json": None}
    add.add("task joined / edit in it", Says.INVALID, NESTED, joined, data[1])
    add.add("edit in it / task joined", Says.MERGES, NESTED, data[0], joined)
    loose, manifest = {"main.txt": OLD, "more.txt": FAR}, {"metadata.json": MANIFEST}
    add.add("files made a task / edit in it", Says.MERGES, loose, manifest, {"main.txt": THEIRS})
    add.add("edit in it / files made a task", Says.MERGES, loose, {"main.txt": OURS}, manifest)
    whole = {"a.txt": OLD, "b.txt": raw("@, of the whole\n")}
    other: Changes = {"b.txt": raw("@, of the whole, by them\n")}
    add.add("whole tree, other files", Says.MERGES, whole, {"a.txt": OURS}, other, layout="repository")
    add.add("whole tree, same line", Says.CONFLICTS, whole, {"a.txt": OURS}, {"a.txt": THEIRS}, layout="repository")
    gone: Changes = {"a.txt": None, "c.txt": OLD}
    add.add("whole tree, rename / edit", Says.MERGES, whole, gone, {"a.txt": THEIRS}, layout="repository")


def cases() -> tuple[Case, ...]:
    """Return every case, in the order in which the table shows them."""
    rows = _Rows()
    for group in (_one_file, _structure, _encodings, _added_and_deleted, _renames, _types, _tasks):
        group(rows)
    return tuple(rows.found)


#: Where we do otherwise than git, and why. Every other case conflicts exactly where git conflicts.
DEVIATIONS = {
    "edit / edit, JSON, next key": "git knows lines alone; where these conflict, keys decide",
    "edit / edit, YAML, next key": "git knows lines alone; where these conflict, keys decide",
    "edit / edit, merge=union": "a union keeps both sides' lines whatever they mean; only the user's own git does that",
    "edit / edit, merge=unknown": "a driver is the user's program; git takes lines where it is not configured here",
    "task, directory renamed / file added": "git guesses that the new file belongs in the new directory, and asks; it"
    " stays where it was added",
}
