"""Which of git's conversions stand between a working-tree file and its blob, and the git program to do them.

libgit2 ignores filter drivers, so a file that has one would be committed as it is: a large file in place of its
git-lfs pointer, a secret in place of its cipher text. Source: gitattributes(5), convert.c of git 2.39.

Attributes are those of the working tree, `info/attributes` and the user's and the system's files: `git hash-object`
and `git cat-file --filters` (2.39) read no others. (`git add` falls back to the index where a `.gitattributes` is
missing; a missing one is a deleted one here, except outside a sparse checkout, where the files below it are refused.)
So write a `.gitattributes` that comes from the remote before the files it governs.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from gitferry.config.errors import GitferryError
from gitferry.repos.git import Git, zsplit
from gitferry.repos.gitconfig import Config
from gitferry.repos.state import Place
from gitferry.repos.status import MAX_PATHS

_ATTRIBUTES = ("text", "crlf", "eol", "ident", "filter", "working-tree-encoding")
_FILE = ".gitattributes"
_LFS = re.compile(r"git[- ]lfs (?:clean|smudge|filter-process)(?: --skip)?(?: -- %f)?")
_COMMANDS = ("clean", "smudge", "process")
# Where such a filter is named and not set up, git passes the plain file through; that is the harm it is there against.
_NEVER_PLAIN = frozenset({"lfs", "git-crypt", "transcrypt", "crypt"})


class Kind(Enum):
    """What has to be done with a file's bytes to get its blob, and back."""

    NONE = auto()  # nothing: they are the same
    GIT = auto()  # the git program converts
    REFUSED = auto()  # nobody may: `reason` says why


@dataclass(frozen=True, slots=True)
class Conversion:
    """What stands between one path's bytes and its blob.

    `eol_only` tells that line ends are all that changes.
    """

    kind: Kind
    reason: str = ""
    eol_only: bool = False

    def keeps(self, data: bytes) -> bool:
        """Whether the blob of a file with these bytes is the bytes themselves, so that git need not be started."""
        return self.kind is Kind.NONE or (self.eol_only and b"\r\n" not in data)


NONE = Conversion(Kind.NONE)
GIT = Conversion(Kind.GIT)
EOL = Conversion(Kind.GIT, eol_only=True)


class MissingBlob(GitferryError):
    """A blob to be written into the working tree is not in the repository."""

    def __init__(self, oid: str, path: str) -> None:
        super().__init__(
            f"the content of {path!r} (blob {oid}) is missing from the repository",
            "run `git fsck`; a partial clone must be able to reach its remote",
        )


class ConversionFailed(GitferryError):
    """git answered with fewer or other blobs than it was asked for."""

    def __init__(self, root: Path, asked: int, answered: int) -> None:
        super().__init__(
            f"git converted {answered} of {asked} files in {root}", "files may have changed meanwhile: sync again"
        )


def conversions(
    git: Git,
    place: Place,
    config: Config,
    paths: Collection[str],
    *,
    trusted: bool = False,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Conversion]:
    """Return, for each path, what converts it. The paths need not exist; symbolic links are never converted.

    Starts no process where no attributes file can reach the paths, else one, or two in a sparse checkout. `trusted`
    lets any filter run that the settings define; otherwise only git-lfs may. Raises `GitError`.
    """
    # core.safecrlf=true makes git refuse files that would not come back as they are, so git has to see them all.
    ends = GIT if (config.get("core.safecrlf") or "").lower() == "true" else EOL
    default = ends if _converts_ends(config) else NONE
    directories = _directories(paths)
    environ = os.environ if environ is None else environ
    outside = _outside_sparse(git, place, directories) if config.flag("core.sparsecheckout") else {}
    if not outside and not _has_attributes(place, config, directories, environ):
        return dict.fromkeys(paths, default)
    drivers = _Drivers(git, config, trusted=trusted, environ=environ)
    found = dict.fromkeys(paths, default)
    for path, values in _attributes(git, place, paths):
        found[path] = _decide(values, drivers, ends, default)
    for path in found:
        missing = next((outside[above] for above in _above(path) if above in outside), None)
        if missing is not None:
            found[path] = Conversion(
                Kind.REFUSED, f"{missing} may govern it and is outside the sparse checkout: add it to the checkout"
            )
    return found


def silenced(config: Config, *, trusted: bool = False) -> dict[str, str]:
    """Return the environment in which git starts no filter of this repository's but git-lfs; empty if trusted.

    For `extra_env` of every git call that may look into files, `git status` too: it runs the clean filter of a file
    whose time stamp changed. (By environment because `-c` cannot name a driver with `=` in it: git(1).)
    """
    if trusted:
        return {}
    settings: list[tuple[str, str]] = []
    for name in _driver_names(config):
        if not _is_lfs(config, name):
            settings += [(f"filter.{name}.{command}", "") for command in _COMMANDS]
            settings.append((f"filter.{name}.required", "false"))
    if not settings:
        return {}
    numbered = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        numbered |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return numbered


def clean(
    git: Git,
    place: Place,
    paths: Sequence[str],
    *,
    extra_env: Mapping[str, str] | None = None,
    deadline: float = 300.0,
) -> dict[str, str]:
    """Write the blobs that `git add` would write for these regular files and return their object ids.

    The files are read now, and a symbolic link would be followed: compare them with what was observed before the ids
    are used. The user's index is read, never written. Raises `GitError` (a file vanished, a required filter failed),
    `ConversionFailed`.
    """
    if not paths:
        return {}
    names = b"".join(_quoted(path) + b"\n" for path in paths)
    done = git.run("hash-object", "-w", "--stdin-paths", input=names, extra_env=extra_env, deadline=deadline)
    oids = done.text.split()
    if len(oids) != len(paths):
        raise ConversionFailed(git.root, len(paths), len(oids))
    found = dict(zip(paths, oids, strict=True))
    kept = _with_kept_ends(git, paths)
    if kept:
        found |= _added_elsewhere(git, place, kept, extra_env or {}, deadline)
    return found


def smudge(
    git: Git,
    wanted: Iterable[tuple[str, str]],
    *,
    extra_env: Mapping[str, str] | None = None,
    deadline: float = 300.0,
) -> dict[str, bytes]:
    """Return what `git checkout` would write at each path for its blob; pairs are (path, object id).

    git-lfs may ask its server for content. Raises `GitError` where a required filter fails, `MissingBlob`.
    """
    found: dict[str, bytes] = {}
    together: list[tuple[str, str]] = []
    for path, oid in wanted:
        if path[:1] in (" ", "\t"):  # --batch takes the blanks before a path for a separator
            single = git.run("cat-file", "--filters", f"--path={path}", oid, extra_env=extra_env, deadline=deadline)
            found[path] = single.stdout
        else:
            together.append((path, oid))
    if together:
        # The size that --batch prints is the blob's, not the converted content's; a mark that no content can hold
        # tells the answers apart instead.
        mark = secrets.token_hex(16)
        names = b"".join(f"{oid} ".encode() + os.fsencode(path) + b"\0" for path, oid in together)
        command = ("cat-file", f"--batch={mark} %(objectname)", "--filters", "-z")
        done = git.run(*command, input=names, extra_env=extra_env, deadline=deadline)
        found.update(_answers(git, done.stdout, mark.encode() + b" ", together))
    return found


# -- which --------------------------------------------------------------------------------------------------------


def _converts_ends(config: Config) -> bool:
    """Whether git looks for line ends to convert in files that no attribute speaks of."""
    return (config.get("core.autocrlf") or "").lower() == "input" or config.flag("core.autocrlf")


def _directories(paths: Iterable[str]) -> set[str]:
    """Every directory above one of the paths, the top ("") included."""
    return {above for path in paths for above in _above(path)}


def _above(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def _has_attributes(place: Place, config: Config, directories: Iterable[str], environ: Mapping[str, str]) -> bool:
    home = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or "~", ".config"))
    users = config.path("core.attributesfile", environ) or home.expanduser() / "git" / "attributes"
    elsewhere = [place.common_dir / "info" / "attributes", place.root / users, *_system_files(environ)]
    return any(os.path.lexists(file) for file in elsewhere) or any(
        os.path.lexists(place.root / directory / _FILE) for directory in directories
    )


def _system_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where git may have been built to look: its prefix's etc, and /etc for the prefix /usr."""
    yield Path("/etc/gitattributes")
    program = shutil.which("git", path=environ.get("PATH"))
    if program:
        yield Path(program).resolve().parent.parent / "etc" / "gitattributes"


def _attributes(git: Git, place: Place, paths: Collection[str]) -> Iterator[tuple[str, dict[str, str]]]:
    names = b"".join(os.fsencode(path) + b"\0" for path in paths)
    # Without an index, git check-attr reads the same files as git hash-object and git cat-file do.
    nowhere = {"GIT_INDEX_FILE": str(place.common_dir / "gitferry" / "no-index")}
    done = git.run("check-attr", "-z", "--stdin", *_ATTRIBUTES, input=names, extra_env=nowhere)
    items = iter(zsplit(done.stdout))
    values: dict[str, str] = {}
    for path, attribute, value in zip(items, items, items, strict=True):
        values[attribute] = value
        if len(values) == len(_ATTRIBUTES):
            yield path, values
            values = {}


def _outside_sparse(git: Git, place: Place, directories: Collection[str]) -> dict[str, str]:
    """Directories of `directories` whose attributes file is tracked but left out of the checkout, and that file."""
    listed = zsplit(git.run("ls-files", "-z", "-t", "--", f":(glob)**/{_FILE}").stdout)
    files = [record[2:] for record in listed if record.startswith("S ")]
    found = {file.rpartition("/")[0]: file for file in files if not os.path.lexists(place.root / file)}
    return {directory: file for directory, file in found.items() if directory in directories}


def _decide(values: Mapping[str, str], drivers: _Drivers, ends: Conversion, default: Conversion) -> Conversion:
    """The rules of convert.c: `convert_attrs` and what it calls."""
    driver = values["filter"]
    filtered = drivers.of(driver) if driver not in ("set", "unset", "unspecified") else NONE
    if filtered.kind is not Kind.NONE:
        return filtered
    if values["ident"] == "set" or values["working-tree-encoding"] not in ("set", "unset", "unspecified"):
        return GIT
    text = values["text"] if values["text"] in ("set", "unset", "auto", "input") else values["crlf"]
    if text == "unset":
        return NONE
    if text in ("set", "auto", "input") or values["eol"] in ("lf", "crlf"):
        return ends
    return default


class _Drivers:
    """What each filter driver that attributes name may do, decided once a driver."""

    def __init__(self, git: Git, config: Config, *, trusted: bool, environ: Mapping[str, str]) -> None:
        self._git = git
        self._config = config
        self._trusted = trusted
        self._environ = environ
        self._known: dict[str, Conversion] = {}

    def of(self, name: str) -> Conversion:
        if name not in self._known:
            reason = self._objection(name)
            commands = _commands(self._config, name)
            self._known[name] = Conversion(Kind.REFUSED, reason) if reason else GIT if commands else NONE
        return self._known[name]

    def _objection(self, name: str) -> str:
        commands = _commands(self._config, name)
        required = self._config.flag(f"filter.{name}.required")
        if _is_lfs(self._config, name):
            return "" if self._has_lfs() else "it is kept by git-lfs, which is not installed here: install git-lfs"
        if not commands and name == "lfs":
            return "it is kept by git-lfs, which is not set up here: run `git lfs install`"
        if not self._trusted:
            return f"it passes the filter {name!r}, which runs only where the settings say `trusted: true`"
        if not commands and (required or name in _NEVER_PLAIN):
            return f"it needs the filter {name!r}, which is not set up here: see gitattributes(5)"
        return ""

    def _has_lfs(self) -> bool:
        if shutil.which("git-lfs", path=self._environ.get("PATH")):
            return True
        return self._git.run("lfs", "version", check=False).code == 0  # it may lie in git's own directory


def _driver_names(config: Config) -> list[str]:
    return sorted({name for name, _ in config.subsections("filter")})


def _commands(config: Config, name: str) -> list[str]:
    return [value for command in _COMMANDS if (value := config.get(f"filter.{name}.{command}"))]


def _is_lfs(config: Config, name: str) -> bool:
    """Whether a driver is git-lfs by what it runs: its name is anybody's to take."""
    commands = _commands(config, name)
    return bool(commands) and all(_LFS.fullmatch(command) for command in commands)


# -- line ends that are kept ----------------------------------------------------------------------------------------


def _with_kept_ends(git: Git, paths: Sequence[str]) -> list[str]:
    """Those of `paths` whose line ends git leaves alone because the index has them with CRLF already.

    Under text=auto "files that contain CRLF in the repository are not touched" (gitattributes(5)); git hash-object
    does not look into the index and would convert them.
    """
    kept = []
    for start in range(0, len(paths), MAX_PATHS):
        chunk = paths[start : start + MAX_PATHS]
        for record in zsplit(git.run("--literal-pathspecs", "ls-files", "--eol", "-z", "--", *chunk).stdout):
            states, _, path = record.partition("\t")
            in_index, _in_tree, attribute, *_ = states.split()
            if in_index in ("i/crlf", "i/mixed") and attribute in ("attr/", "attr/text=auto"):
                kept.append(path)
    return kept


def _added_elsewhere(
    git: Git, place: Place, paths: Sequence[str], extra_env: Mapping[str, str], deadline: float
) -> dict[str, str]:
    """The object ids after adding `paths` to a copy of the user's index."""
    with tempfile.TemporaryDirectory(prefix="gitferry-") as directory:
        index = Path(directory, "index")
        shutil.copyfile(place.git_dir / "index", index)
        aside = {**extra_env, "GIT_INDEX_FILE": str(index)}
        names = b"".join(os.fsencode(path) + b"\0" for path in paths)
        git.run(
            "update-index",
            "--add",
            "-z",
            "--stdin",
            input=names,
            extra_env=aside,
            extra_config=("core.splitIndex=false",),
            deadline=deadline,
        )
        listed = zsplit(git.run("ls-files", "--stage", "-z", extra_env=aside).stdout)
    entries = (record.partition("\t") for record in listed)
    oids = {path: entry.split()[1] for entry, _, path in entries}
    return {path: oids[path] for path in paths}


# -- wire ---------------------------------------------------------------------------------------------------------


def _quoted(path: str) -> bytes:
    """A path as git unquotes it (git-config(1), core.quotePath), whatever bytes it has."""
    plain = b"".join(
        b"\\%03o" % byte if byte < 0x20 or byte >= 0x7F or byte in b'"\\' else bytes((byte,))
        for byte in os.fsencode(path)
    )
    return b'"' + plain + b'"'


def _answers(git: Git, output: bytes, mark: bytes, asked: Sequence[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    first, *parts = output.split(mark)
    answered = [part.partition(b"\n") for part in parts]
    if first or len(answered) != len(asked):
        there = {oid.decode("ascii", "replace") for oid, _, _ in answered}
        for path, oid in asked:
            if oid not in there:
                raise MissingBlob(oid, path)
        raise ConversionFailed(git.root, len(asked), len(answered))
    for (path, _), (_, _, content) in zip(asked, answered, strict=True):
        yield path, content.removesuffix(b"\n")
