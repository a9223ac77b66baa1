"""The house itself: names, packages, locks, and what a built wheel holds."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("config", "security", "store", "repos", "pushback", "daemon")
NAMES = (*ROOMS, "tests")


def setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def lines(section: str, option: str) -> list[str]:
    return [line.strip() for line in setup()[section][option].splitlines() if line.strip()]


def source_files() -> list[str]:
    """Every file that is tracked or would be: what is ignored is left out."""
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = (os.fsdecode(name) for name in done.stdout.split(b"\0") if name)
    return [name for name in names if (ROOT / name).is_file()]


def modules(rooms: tuple[str, ...]) -> Iterator[Path]:
    for room in rooms:
        yield from sorted((ROOT / room).rglob("*.py"))


@dataclass(frozen=True, slots=True)
class Source:
    """What the tests ask of a module: how it describes itself, and its imports as (line, name)."""

    docstring: str
    imports: tuple[tuple[int, str], ...]


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement below a node; no expression holds one, and they are most of a tree."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield child
            yield from statements(child)


@cache
def source(path: Path) -> Source:
    """Return what a module says; parsing all of them takes seconds, and three tests ask."""
    tree = ast.parse(path.read_bytes())
    imports: list[tuple[int, str]] = []
    for node in statements(tree):
        if isinstance(node, ast.Import):
            imports += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append((node.lineno, "." * node.level + (node.module or "")))
    return Source(ast.get_docstring(tree) or "", tuple(imports))


# -- names


@pytest.mark.parametrize("room", NAMES)
def test_typing_links_resolve(room: str) -> None:
    link = ROOT / ".typing" / "gitferry" / room
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve() == ROOT / room


def test_every_import_names_its_room_in_full() -> None:
    """A bare `config` would be whatever directory of that name Python was started in."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in modules(NAMES)
        for line, name in source(path).imports
        if name.startswith(".") or name.split(".")[0] in NAMES
    ]
    assert wrong == []


def test_every_module_says_what_it_is() -> None:
    silent = [str(path.relative_to(ROOT)) for path in modules(ROOMS) if not source(path).docstring.strip()]
    assert silent == []


def test_no_file_names_a_place_of_the_machine_it_was_written_on() -> None:
    place = re.compile(rb"(?<![\w~.$}>-])/" + rb"work/|\." + rb"library/|/opt/" + rb"pypi")
    found = [name for name in source_files() if place.search((ROOT / name).read_bytes())]
    assert found == []


# -- packages


def test_package_list_covers_every_directory() -> None:
    holding_modules = {path.parent for path in modules(ROOMS)}
    for directory in holding_modules:
        assert (directory / "__init__.py").is_file(), f"{directory} has modules and no __init__.py"
    expected = {"gitferry." + ".".join(directory.relative_to(ROOT).parts) for directory in holding_modules}
    assert set(lines("options", "packages")) == expected
    places = dict(line.replace(" ", "").split("=") for line in lines("options", "package_dir"))
    assert places == {f"gitferry.{name}": name for name in NAMES}


def test_the_entry_point_runs() -> None:
    program = Path(sys.executable).parent / "gitferry"
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert version("gitferry") in done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources, so that no file of an earlier build gets into it."""
    source = tmp_path_factory.mktemp("source")
    for name in source_files():
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target, follow_symlinks=False)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*command, "--no-deps", "--no-build-isolation", "--wheel-dir", source / "dist", source], check=True, timeout=100
    )
    (built,) = (source / "dist").glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_rooms(wheel: Path) -> None:
    expected = {f"gitferry/{name}" for name in source_files() if name.startswith(tuple(f"{room}/" for room in ROOMS))}
    with zipfile.ZipFile(wheel) as archive:
        held = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert {name for name in held if ".dist-info/" not in name} == expected
    programs = {name for name in expected if os.access(ROOT / name.removeprefix("gitferry/"), os.X_OK)}
    assert {name for name in expected if held[name] & 0o111} == programs


def test_the_wheel_works_where_the_sources_are_not(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True, timeout=60)
    scheme = sysconfig.get_paths("venv", vars={"base": str(tmp_path / "venv"), "platbase": str(tmp_path / "venv")})
    site = Path(scheme["purelib"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # A plain path in a .pth file brings the dependencies, but not the .pth file of the editable install beside them.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    script = (
        "import importlib, pathlib, sys\n"
        "site = pathlib.Path(sys.argv[1])\n"
        "for path in sorted((site / 'gitferry').rglob('*.py')):\n"
        "    parts = path.relative_to(site).with_suffix('').parts\n"
        "    if 'versions' in parts or parts[-1] in ('env', '__main__'):\n"
        "        continue\n"
        "    name = '.'.join(part for part in parts if part != '__init__')\n"
        "    module = importlib.import_module(name)\n"
        "    assert pathlib.Path(module.__file__) == path, (module.__file__, path)\n"
    )
    python = Path(scheme["scripts"]) / "python"
    done = subprocess.run([python, "-I", "-c", script, site], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    command = [str(python), "-I", "-m", "gitferry.daemon.cli.main", "--version"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


# -- locks


def locked(name: str) -> dict[str, str]:
    """Distribution to pinned version; fails on a line that is neither pinned nor hashed."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line.strip() and not line.strip().startswith("#"):
            pinned = re.match(r"([\w.-]+)(?:\[[\w,]+\])?==([\w.!+-]+)( ; [^-]+)?\s+--hash=sha256:[0-9a-f]{64}", line)
            assert pinned, f"{name}: not pinned with a hash: {line}"
            found[canonicalize_name(pinned[1])] = pinned[2]
    return found


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_pins_what_is_asked_for(lock: str) -> None:
    wanted = lines("options", "install_requires")
    if lock == "requirements-dev.lock":
        wanted += lines("options.extras_require", "dev")
    pins = locked(lock)
    for requirement in map(Requirement, wanted):
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin, f"{lock} lacks {requirement.name}: make lock"
        assert requirement.specifier.contains(pin), f"{lock} has {requirement.name} {pin}: make lock"


def test_both_locks_agree() -> None:
    users, developers = locked("requirements.lock"), locked("requirements-dev.lock")
    assert users == {name: pin for name, pin in developers.items() if name in users}


def test_every_third_party_import_is_a_dependency() -> None:
    """What a module imports is asked for by name, not found by luck behind another library."""
    apart = {"pyyaml": "yaml", "kingfisher-secret-scanner": "kingfisher_sdk", "prometheus-client": "prometheus_client"}
    asked = (canonicalize_name(Requirement(line).name) for line in lines("options", "install_requires"))
    parts = {"annotated_types", "pydantic_core", "starlette"}  # of pydantic's and FastAPI's own interfaces
    optional = {"keyring", "jeepney"}  # said to be missing where they are: gitferry.security.key_ring, daemon.desktop
    known = {apart.get(name, name) for name in asked} | parts | optional | {"gitferry"} | set(sys.stdlib_module_names)
    names = (name for path in modules(ROOMS) for _line, name in source(path).imports)
    found = {name.split(".")[0] for name in names if not name.startswith(".")}
    assert found - known == set()
