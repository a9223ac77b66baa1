"""The demo: a real remote, two clones, two daemons, edits both ways and one conflict, told as it happens.

With GITFERRY_DEMO_REFUSE=1 the remote refuses every push, to see that the demo notices.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from gitferry.daemon import demo_registry as registry
from gitferry.daemon.demo_registry import Change, Files
from gitferry.daemon.demo_side import DemoFailed, Side, environment
from gitferry.repos.git import Git

BRANCH = "main"

_ARRIVAL = 30.0  # seconds for what was saved to be everywhere
_FAILING = 6.0  # seconds that a daemon may say it fails before that is believed
_LOOK = 0.1  # seconds between two looks
_LONGEST_NAME = 60  # bytes of the temporary directory's path: a socket's holds 107

_REFUSES = "#!/bin/sh\necho 'this remote refuses every push' >&2\nexit 1\n"

#: Takes seconds since the start and what happened then.
Tell = Callable[[float, str], None]


class Demo:
    """Everything below `root`, which must be empty; `tell` hears what happens."""

    def __init__(self, root: Path, environ: Mapping[str, str], tell: Tell) -> None:
        clean = environment(root, environ)
        self.remote = root / "remote.git"
        self.ada = Side("Ada", root / "ada", self.remote, clean)
        self.ben = Side("Ben", root / "ben", self.remote, clean)
        self.sides = (self.ada, self.ben)
        self._git = Git(root, environ=self.ada.environ)
        self._refuses = environ.get("GITFERRY_DEMO_REFUSE") == "1"
        self._home = root / "home"
        self._tell = tell
        self._started = time.monotonic()

    def run(self) -> None:
        """Play all acts. Raises DemoFailed where one does not come out; the daemons are always stopped."""
        self._set_the_stage()
        with self._daemons():
            self._travels("Ada works", [(self.ada, change) for change in _ADAS])
            self._travels("Ben works", [(self.ben, change) for change in _BENS])
            self._travels("Both save at the same moment", list(zip(self.sides, _AT_ONCE, strict=True)))
            self._equal()
            self._conflict()
        self._say("Both daemons are stopped.")

    # Acts

    def _set_the_stage(self) -> None:
        self._home.mkdir()
        self._git.run("init", "--quiet", "--bare", f"--initial-branch={BRANCH}", "--template=", "--", str(self.remote))
        self.ada.clone()
        registry.build(self.ada.tree)
        for words in (
            ("switch", "--quiet", "--orphan", BRANCH),
            ("add", "--all"),
            ("commit", "--quiet", "--message=The sample registry"),
            ("push", "--quiet", "--set-upstream", "origin", BRANCH),
        ):
            self.ada.git(self.ada.tree, *words)
        self.ben.clone()
        if self._refuses:
            hook = self.remote / "hooks" / "pre-receive"
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(_REFUSES, encoding="utf-8")
            hook.chmod(0o755)
        self._say(f"A bare remote with {len(registry.TASKS)} tasks, and two clones of it: Ada's and Ben's.")

    @contextmanager
    def _daemons(self) -> Iterator[None]:
        try:
            for side in self.sides:
                side.start()
            for side in self.sides:
                side.wait()
            self._say("Two daemons run, each looking after one clone.")
            yield
        finally:
            # All are asked before one is waited for: so they end even if a second ^C ends the waiting.
            for side in self.sides:
                side.stop()
            codes = {side.name: side.stopped() for side in self.sides}
        wrong = [f"{name}'s with {code}" for name, code in codes.items() if code != 0]
        if wrong:
            raise DemoFailed(f"a daemon did not end well: {', '.join(wrong)}", self.ada.hint())

    def _travels(self, title: str, saved: Sequence[tuple[Side, Change]]) -> None:
        """Save the changes and wait until each is in the remote and in both clones."""
        for side, change in saved:
            change.save(side.tree)
        self._say(f"{title}: {', '.join(change.told for _, change in saved)}.")
        saved_at = time.monotonic()
        changes = [change for _, change in saved]
        missing = {place: list(changes) for place in ("the remote", *(side.name for side in self.sides))}
        for side in {side for side, _ in saved}:
            # What one saved oneself did not travel to get there.
            missing[side.name] = [change for by, change in saved if by is not side]
        patience = _Patience(self.sides)
        while any(missing.values()):
            for place, files in self._places():
                arrived = [change for change in missing[place] if change.arrived(files)]
                if arrived:
                    missing[place] = [change for change in missing[place] if change not in arrived]
                    taken = time.monotonic() - saved_at
                    self._say(f"→ {place} has {_listed(arrived)}: {taken:.1f} s after the save")
            if any(missing.values()):
                place = next(place for place, changes in missing.items() if changes)
                patience.look(f"{_listed(missing[place])} did not arrive: {place} lacks it")
                time.sleep(_LOOK)

    def _equal(self) -> None:
        """Require that both clones are what the remote is, to the last byte and mode."""
        files = self._remote_files()
        for side in self.sides:
            different = sorted(path for path, _ in files.items() ^ side.files().items())
            if different:
                raise DemoFailed(f"{side.name}'s clone is not what the remote is: {different[0]}", side.hint())
        self._git.run("-C", str(self.remote), "fsck", "--full", "--strict")
        commits = self._git.run("-C", str(self.remote), "rev-list", "--count", BRANCH).text
        self._say(f"Both clones equal the remote: {len(files)} files, {commits} commits, and git fsck finds no fault.")

    def _conflict(self) -> None:
        """Have both write the same line, and require that it is named and that neither line is lost."""
        lines = {"Ada": "Tell what to wear tomorrow, and take an umbrella.", "Ben": "Tell what to wear, in verse."}
        changes = {side.name: registry.edit("weather", lines[side.name]) for side in self.sides}
        for side in self.sides:
            changes[side.name].save(side.tree)
        self._say("Both write the same line of weather. The strategy here is `fail`: nobody's line may win silently.")
        patience = _Patience(self.sides)
        while not (found := [side for side in self.sides if (side.row() or {}).get("conflicts")]):
            patience.look("the conflict was not noticed")
            time.sleep(_LOOK)
        held = found[0]
        other = next(side for side in self.sides if side is not held)
        named = held.conflicts()
        if len(found) != 1 or [task["name"] for task in named] != ["weather"] or not named[0]["error"]:
            raise DemoFailed("the conflict is not named as one task on one side, with its reason", held.hint())
        if not changes[held.name].arrived(held.files()):
            raise DemoFailed(f"{held.name}'s line is lost from the clone it was written in", held.hint())
        for place, files in (("the remote", self._remote_files()), (f"{other.name}'s clone", other.files())):
            if not changes[other.name].arrived(files):
                raise DemoFailed(f"{other.name}'s line is lost from {place}", other.hint())
        self._say(f"{other.name} was first, so the remote has that line; {held.name} keeps the other. There is said:")
        for words in (("status",), ("push", "status")):
            self._say(f"  $ gitferry {' '.join(words)}")
            for line in held.says(*words).splitlines():
                self._say(f"  {line}")
        self._say("Nothing is lost, and all other tasks go on.")

    # What is there

    def _places(self) -> Iterator[tuple[str, Files]]:
        yield "the remote", self._remote_files()
        for side in self.sides:
            yield side.name, side.files()

    def _remote_files(self) -> dict[str, tuple[str, str]]:
        listed = self._git.run("-C", str(self.remote), "ls-tree", "-r", "-z", "--full-tree", BRANCH).text
        found = {}
        for entry in listed.split("\0"):
            if entry:
                facts, path = entry.split("\t", 1)
                mode, _, name = facts.split(" ")
                found[path] = (mode, name)
        return found

    def _say(self, text: str) -> None:
        self._tell(time.monotonic() - self._started, text)


class _Patience:
    """How long an act may take, and how long a daemon may say that it fails."""

    def __init__(self, sides: Sequence[Side]) -> None:
        self._sides = sides
        self._give_up = time.monotonic() + _ARRIVAL
        self._failing: dict[str, float] = {}

    def look(self, missing: str) -> None:
        """Return while there is hope. Raises DemoFailed with what the daemons say."""
        now = time.monotonic()
        for side in self._sides:
            side.require_running()
            row = side.row()
            if row is None or row["state"] != "failing":
                self._failing.pop(side.name, None)
            elif now - self._failing.setdefault(side.name, now) > _FAILING:
                raise DemoFailed(f"{missing}\n{_says(side)}", row["hint"] or side.hint())
        if now > self._give_up:
            said = "\n".join(_says(side) for side in self._sides)
            raise DemoFailed(f"{missing} after {_ARRIVAL:g} s\n{said}", self._sides[0].hint())


def _says(side: Side) -> str:
    return f"  {side.name}'s daemon says: {' '.join(side.trouble().split())}"


_ADAS = (
    registry.edit("greeter", "Say hello to whoever comes in, by name."),
    registry.add("poem", "Write a short poem on any subject."),
    registry.delete("report"),
    registry.rename("celsius", "temperature"),
)
_BENS = (
    registry.edit("word-count", "Count the words and the lines of a text."),
    registry.add("riddle", "Ask a riddle, and answer it when asked."),
    registry.delete("invoice"),
    registry.rename("slugify", "web-address"),
)
_AT_ONCE = (
    registry.edit("calendar", "Find two hours that suit everyone."),
    registry.edit("translate", "Translate a letter, and keep its tone and its line breaks."),
)


def _listed(changes: Sequence[Change]) -> str:
    return ", ".join(change.told for change in changes)


def directory() -> Path:
    """Return a new directory for a demo, with a path short enough for the sockets below it."""
    base = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="gitferry-demo-", dir=base if len(base) < _LONGEST_NAME else "/tmp"))  # noqa: S108 # made by mkdtemp
