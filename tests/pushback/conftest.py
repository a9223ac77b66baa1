"""Two clones that have crossed once, and a user whose git acts in the middle of a crossing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gitferry.pushback.ground import Ground, opened
from gitferry.tests.pushback.ciphers import SECRET, Cipher
from gitferry.tests.pushback.kit import Side, healthy
from gitferry.tests.pushback.shared_file import LINES, NAME
from gitferry.tests.pushback.snapshots import Snapshots, state
from gitferry.tests.repo import Repo


@pytest.fixture(scope="session")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    return Snapshots(tmp_path_factory.mktemp("snapshots"))


@pytest.fixture
def crossed(snapshots: Snapshots, tmp_path: Path, remote: Repo, clone: Callable[..., Repo]) -> Callable[..., Side]:
    """`crossed("here")` is a clone that has crossed once; `files` are written before that."""

    def make(name: str, files: Mapping[str, str] | None = None, **pushback: Any) -> Side:
        side = Side(Repo(tmp_path / name), pushback=pushback)

        def first() -> None:
            clone(name).write_all(files or {})
            healthy(side.sync())

        key = (name, state(remote), tuple(sorted((files or {}).items())), repr(pushback), remote.root.name)
        snapshots.give(key, tmp_path, [name, *([remote.root.name] if files else [])], first)
        side.clock.now = snapshots.times.setdefault(key, side.clock.now)
        return side

    return make


@pytest.fixture
def here(crossed: Callable[..., Side]) -> Side:
    return crossed("here")


@pytest.fixture
def there(crossed: Callable[..., Side]) -> Side:
    return crossed("there")


@pytest.fixture
def shared() -> Mapping[str, str]:
    """The files that `a` and `b` share; a module with others has a fixture of its own."""
    return {NAME: LINES}


@pytest.fixture
def a(crossed: Callable[..., Side], shared: Mapping[str, str]) -> Side:
    return crossed("a", shared)


@pytest.fixture
def wishes() -> Mapping[str, Any]:
    """What `b` sets of `pushback`; a module with other wishes has a fixture of its own."""
    return {}


@pytest.fixture
def b(a: Side, crossed: Callable[..., Side], wishes: Mapping[str, Any]) -> Side:
    return crossed("b", **wishes)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[ModuleType, str, Callable[[], object]], None]]:
    """`meanwhile(module, "step", act)`: the user acts once, just before the engine takes that step.

    A test fails where the engine never came to it, and so never met what the user did.
    """
    waiting: list[str] = []

    def prepare(module: ModuleType, step: str, act: Callable[[], object]) -> None:
        real = getattr(module, step)
        waiting.append(step)

        def acted(*args: Any, **wishes: Any) -> Any:
            monkeypatch.setattr(module, step, real)
            waiting.remove(step)
            act()
            return real(*args, **wishes)

        monkeypatch.setattr(module, step, acted)

    yield prepare
    assert waiting == [], "the crossing never came to this step"


@pytest.fixture
def ground(here: Side) -> Iterator[Ground]:
    """The tools that work on `here`. HEAD, branch and settings are those of this moment."""
    with opened(here.settings, here.host) as tools:
        yield tools


@pytest.fixture
def cipher(tmp_path: Path) -> Cipher:
    return Cipher(tmp_path)


@pytest.fixture
def secret(cipher: Cipher, here: Side, there: Side, remote: Repo) -> Cipher:
    """Both clones encipher `*.secret`, and one is there."""
    cipher.set_up(here)
    cipher.set_up(there)
    here.repo.write(".gitattributes", "*.secret filter=cipher\n")
    here.repo.write("a.secret", SECRET)
    healthy(here.sync())
    healthy(there.sync())
    assert remote.tree("main")["a.secret"].startswith(b"\0CIPHER\0")
    return cipher
