"""The versions of a conflict in the user's merge tool or editor, in a scratch repository outside the working tree."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from gitferry.config.errors import GitferryError
from gitferry.daemon.markers import left_in, marked
from gitferry.daemon.three_way import ThreeWay
from gitferry.repos.content import SUBMODULE, File
from gitferry.repos.git import KEPT, Git
from gitferry.repos.tree_names import check_name

_STAGES = ("BASE", "LOCAL", "REMOTE")  # as git-mergetool(1) names them
_INTERRUPTED = (-signal.SIGINT, 128 + signal.SIGINT)
_NOT_FOUND = 127  # what sh says of a command that is not there

# The user's own settings must not convert what is merged, nor run anything but the tool; attributes that the task
# itself brings count less than these (gitattributes(5)).
_SETTINGS = (
    ("core.autocrlf", "false"),
    ("core.safecrlf", "false"),
    ("core.excludesFile", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("gc.auto", "0"),
)
_ATTRIBUTES = "* -text -ident -filter !eol !working-tree-encoding\n"


class Uneditable(GitferryError):
    """A file of the conflict cannot be merged as text."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(
            f"{path} cannot be merged by hand: {what}",
            "take one side of the task: `--take local` or `--take remote`",
        )


class NoTerminal(GitferryError):
    """A program that talks to a person has no terminal to do it on."""

    def __init__(self) -> None:
        super().__init__(
            "`--edit` needs a terminal",
            "answer with `--take`, or name a program that needs none in GIT_EDITOR",
        )


class NothingToEdit(GitferryError):
    """Each file was changed by one side alone."""

    def __init__(self) -> None:
        super().__init__("no file was changed by both sides, so there is nothing to edit", "`--take merged` takes both")


class NotMerged(GitferryError):
    """The user's program ended, and what it left is no answer. Nothing was done."""


class ScratchMerge:
    """A conflict laid out for one person: the working files hold markers, the index the three versions.

    Where all merges cleanly, what both sides changed is laid out to be looked over, as it was merged.

    `settings` are a trusted repository's own `merge.*` and `mergetool.*`; all else comes from the user's git.
    Nothing outside the scratch directory is changed; `close` removes it, or keeps it where something was typed.
    """

    def __init__(self, files: Sequence[ThreeWay], environ: Mapping[str, str], settings: Mapping[str, str]) -> None:
        """Lay the files out. Raises Uneditable, NothingToEdit, UnsafeName, GitError."""
        #: What is edited, and what needs no look.
        self.edited = tuple(f for f in files if not f.clean) or tuple(f for f in files if f.both_changed)
        self.merged = tuple(file for file in files if file not in self.edited)
        self._environ = environ
        _require_text(files, self.edited)
        if not self.edited:
            raise NothingToEdit
        self.root = Path(tempfile.mkdtemp(prefix="gitferry-edit-"))  # of mode 0700
        self._written: dict[str, bytes | None] = {}
        try:
            self._lay_out(settings)
        except BaseException:
            shutil.rmtree(self.root)
            raise

    def tool(self) -> str | None:
        """Return the user's merge tool; None: it is their editor that is opened. Raises NoTerminal."""
        tool = self._asked("config", "--get", "merge.tool")
        if _has_terminal():
            return tool or None
        trusted = self._asked("config", "--type=bool", "--get", f"mergetool.{tool}.trustExitCode") == "true"
        if tool and trusted and self._asked("config", "--get", f"mergetool.{tool}.cmd"):
            return tool
        if not self._environ.get("GIT_EDITOR"):
            raise NoTerminal
        return None

    def edit(self, tool: str | None, *, output: int | None = None) -> None:
        """Have the user merge, in `tool` or the editor. `output` is a file descriptor for what that prints.

        Raises NoTerminal, NotMerged.
        """
        if tool is not None:
            self._run([*self._git_program(), "mergetool", "--no-prompt", f"--tool={tool}"], "git mergetool", output)
            self._require_all_merged()
        else:
            self._edit_each(output)
        self._require_no_markers()

    def result(self) -> dict[str, File | None]:
        """Return the files that differ from the local side, as they stand in the scratch directory; None is deleted."""
        given: dict[str, File | None] = {}
        for file in (*self.edited, *self.merged):
            data = self._read(file.path)
            mode = file.merged.mode if file.merged is not None else file.mode
            made = None if data is None or self._means_deleted(file, data) else File(mode, data)
            if made != file.local:
                given[file.path] = made
        return given

    def typed(self) -> bool:
        """Return whether any file is not as it was laid out."""
        return any(self._read(path, strict=False) != data for path, data in self._written.items())

    def close(self, *, keep: bool) -> Path | None:
        """Remove the scratch directory; with `keep` it stays where something was typed, and its place is returned."""
        if keep and self.typed():
            return self.root
        shutil.rmtree(self.root)
        return None

    # Laying out

    def _lay_out(self, settings: Mapping[str, str]) -> None:
        git = Git(self.root, environ=self._environ)
        git.run("init", "--quiet", "--template=", ".")
        for key, value in (*settings.items(), *_SETTINGS):
            git.run("config", "--add", key, value)
        (self.root / ".git" / "info").mkdir(exist_ok=True)
        (self.root / ".git" / "info" / "attributes").write_text(_ATTRIBUTES)
        entries = b""
        for file in self.edited:
            text = marked(file, self._environ) if file.merged is None else file.merged.data
            self._write(file.path, text, executable=bool(file.mode & 0o111))
            for stage, side in enumerate(file.stages, start=1):
                if side is not None:
                    oid = git.run("hash-object", "-w", "--no-filters", "--stdin", input=side.data).text
                    entries += b"%o %s %d\t%s\0" % (side.mode, oid.encode(), stage, os.fsencode(file.path))
        for file in self.merged:
            if file.merged is None:
                self._written[file.path] = None
            else:
                self._write(file.path, file.merged.data, executable=bool(file.merged.mode & 0o111))
        git.run("update-index", "-z", "--index-info", input=entries)

    def _write(self, path: str, data: bytes, *, executable: bool) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o700 if executable else 0o600)
        self._written[path] = data

    def _read(self, path: str, *, strict: bool = True) -> bytes | None:
        place = self.root / path
        if place.is_symlink() or place.is_dir():
            if strict:
                raise NotMerged(f"{path} is no plain file any more, so nothing was done", "leave a file, or none")
            return b""
        return place.read_bytes() if place.exists() else None

    def _means_deleted(self, file: ThreeWay, data: bytes) -> bool:
        """Whether an empty file stands for none: one side deleted it, and no version was empty."""
        deleted = file.local is None or file.remote is None
        return not data and deleted and not file.clean and all(side.data for side in file.sides)

    # The user's programs

    def _environment(self) -> dict[str, str]:
        """Return the user's environment without what would point their git elsewhere than to the scratch directory."""
        kept = KEPT | {"GIT_EDITOR"}
        return {name: value for name, value in self._environ.items() if not name.startswith("GIT_") or name in kept}

    def _git_program(self) -> list[str]:
        return ["git", "-C", str(self.root)]

    def _asked(self, *arguments: str) -> str | None:
        """Return what the user's git answers, None where it has no answer."""
        done = subprocess.run(
            [*self._git_program(), *arguments],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        return os.fsdecode(done.stdout).rstrip("\n") if done.returncode == 0 else None

    def _edit_each(self, output: int | None) -> None:
        """Open what conflicts in the editor that git would open, a file at a time, its versions beside it."""
        editor = self._asked("var", "GIT_EDITOR")
        if editor is None:
            raise NoTerminal
        for file in self.edited:
            with self._versions_beside(file):
                # As git starts it: the setting may have arguments of its own.
                command = ["sh", "-c", f'{editor} "$@"', editor, str(self.root / file.path)]
                self._run(command, f"the editor ({editor})", output)

    @contextmanager
    def _versions_beside(self, file: ThreeWay) -> Iterator[None]:
        """Have each version lie beside the file to edit, named as git mergetool names them."""
        path = PurePosixPath(file.path)
        beside = []
        for name, side in zip(_STAGES, file.stages, strict=True):
            place = self.root / path.with_name(f"{path.stem}_{name}{path.suffix}")
            if side is not None and not place.exists():
                place.write_bytes(side.data)
                place.chmod(0o400)
                beside.append(place)
        yield
        for place in beside:
            place.unlink(missing_ok=True)

    def _run(self, command: Sequence[str], what: str, output: int | None) -> None:
        """Run a program on the user's terminal. Raises NotMerged where it fails, KeyboardInterrupt after ^C."""
        with _left_to_the_program(signal.SIGINT, signal.SIGQUIT):
            done = subprocess.run(command, cwd=self.root, env=self._environment(), stdout=output, check=False)
        if done.returncode in _INTERRUPTED:
            raise KeyboardInterrupt
        if done.returncode == _NOT_FOUND:
            raise NotMerged(f"{what} cannot be started", "choose one: git config --global core.editor EDITOR")
        if done.returncode != 0:
            raise NotMerged(
                f"{what} ended with exit code {done.returncode}, so nothing was done", "the conflict stays as it is"
            )

    # What they left

    def _require_all_merged(self) -> None:
        left = self._asked("ls-files", "-z", "--unmerged")
        paths = {entry.partition("\t")[2] for entry in (left or "").split("\0") if entry}
        if left is None or paths:
            named = ", ".join(sorted(paths)) or "what conflicts"
            raise NotMerged(f"{named} is not merged yet, so nothing was done", "the conflict stays as it is")

    def _require_no_markers(self) -> None:
        for file in (*self.edited, *self.merged):
            lines = left_in(self._read(file.path) or b"", file.sides)
            if lines:
                where = f"line{'' if len(lines) == 1 else 's'} {', '.join(map(str, lines[:6]))}"
                raise NotMerged(
                    f"{file.path} still has conflict markers ({where}), so nothing was done",
                    "edit again, and leave what is right and no marker",
                )


def _require_text(files: Sequence[ThreeWay], edited: Sequence[ThreeWay]) -> None:
    names = {file.path for file in files}
    for file in files:
        check_name(file.path)
        if any(side.mode == SUBMODULE for side in file.sides):
            raise Uneditable(file.path, "it is a submodule")
        above = next((str(each) for each in PurePosixPath(file.path).parents if str(each) in names), None)
        if above is not None:
            raise Uneditable(above, f"a file on one side and a directory ({file.path}) on the other")
    for file in edited:
        if file.barred is not None:
            raise Uneditable(file.path, file.barred)


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


@contextmanager
def _left_to_the_program(*signals: signal.Signals) -> Iterator[None]:
    """Leave what the terminal sends to the program that runs on it, as git does while an editor is open.

    By a handler and not by ignoring them: that would be inherited.
    """
    before = {number: signal.signal(number, lambda number, frame: None) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
