"""The demo's task registry, and the changes people make to tasks in it: what they save, and how that is recognised."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TASKS = {
    "greeter": "Say hello to whoever comes in.",
    "word-count": "Count the words of a text.",
    "celsius": "Turn degrees Fahrenheit into degrees Celsius.",
    "slugify": "Make a title fit for an address.",
    "report": "Write the weekly report.",
    "invoice": "Write an invoice from a list of hours.",
    "calendar": "Find an hour that suits everyone.",
    "translate": "Translate a letter, and keep its tone.",
    "weather": "Tell what to wear tomorrow.",
}
README = "# Sample tasks\n\nEach directory below tasks/ is one task. This file belongs to none of them.\n"

#: A tree as git knows it: path to mode and object name.
Files = Mapping[str, tuple[str, str]]


def build(root: Path) -> None:
    """Write the registry's files below `root`."""
    (root / "README.md").write_text(README, encoding="utf-8")
    for name, purpose in TASKS.items():
        for path, content in task(name, purpose).items():
            _save(root / path, content)


def task(name: str, purpose: str, version: str = "1.0.0") -> dict[str, str]:
    """Return path to content of one task: a manifest and what it asks for."""
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"https://example.org/tasks/{name}")
    manifest = {"uuid": str(identity), "name": name, "version": version, "description": purpose}
    return {
        f"tasks/{name}/metadata.json": json.dumps(manifest, indent=2) + "\n",
        f"tasks/{name}/prompt.md": f"# {name}\n\n{purpose}\n\nAnswer in one paragraph.\n",
    }


@dataclass(frozen=True, slots=True)
class Change:
    """What someone saves: files with their content, files that go. `told` is how it is said afterwards."""

    told: str
    saved: Mapping[str, str]
    gone: tuple[str, ...] = ()

    def save(self, root: Path) -> None:
        """Do it in the working tree at `root`."""
        for path in self.gone:
            shutil.rmtree(root / path)
        for path, content in self.saved.items():
            _save(root / path, content)

    def arrived(self, files: Files) -> bool:
        """Return whether a tree has all of it."""
        for path, content in self.saved.items():
            if path not in files or files[path][1] != blob(content.encode()):
                return False
        return not any(name.startswith(f"{path}/") for path in self.gone for name in files)


def edit(name: str, purpose: str) -> Change:
    """Return that a task's purpose is written anew."""
    return Change(f"{name} edited", task(name, purpose, "1.1.0"))


def add(name: str, purpose: str) -> Change:
    """Return that a task is new."""
    return Change(f"{name} added", task(name, purpose))


def delete(name: str) -> Change:
    """Return that a task is gone."""
    return Change(f"{name} deleted", {}, (f"tasks/{name}",))


def rename(name: str, to: str) -> Change:
    """Return that a task has another name and directory."""
    return Change(f"{name} renamed to {to}", task(to, TASKS[name]), (f"tasks/{name}",))


def blob(content: bytes) -> str:
    """Return the object name that git gives to a file's content: git-hash-object(1)."""
    # Git's object names are SHA-1 here; nothing is kept safe by them.
    return hashlib.sha1(b"blob %d\0%s" % (len(content), content), usedforsecurity=False).hexdigest()


def worktree(root: Path) -> dict[str, tuple[str, str]]:
    """Return what the working tree holds outside `.git`, named as git does; what goes meanwhile is left out."""
    found: dict[str, tuple[str, str]] = {}
    for directory, names, files in os.walk(root):
        if directory == str(root):
            names[:] = [name for name in names if name != ".git"]
        for name in files:
            path = Path(directory) / name
            try:
                mode = "100755" if path.stat().st_mode & 0o100 else "100644"
                found[str(path.relative_to(root))] = (mode, blob(path.read_bytes()))
            except FileNotFoundError:
                continue
    return found


def _save(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
