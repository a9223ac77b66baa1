"""Which of git's conversions stand between a working-tree file and its blob.

libgit2 ignores filter drivers, so a file that has one would be committed as it is: a large file in place of its
git-lfs pointer, a secret in place of its cipher text. The git program does what is to be done: `cleaning` into blobs,
`smudging` into files. Source: gitattributes(5), convert.c of git 2.39.

Attributes are those of the working tree, `info/attributes` and the user's and the system's files: `git hash-object`
and `git cat-file --filters` (2.39) read no others. (`git add` falls back to the index where a `.gitattributes` is
missing; a missing one is a deleted one here, except outside a sparse checkout, where the files below it are refused.)
So write a `.gitattributes` that comes from the remote before the files it governs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from gitferry.repos.drivers import Drivers, silenced
from gitferry.repos.git import Git, zsplit
from gitferry.repos.gitconfig import Config
from gitferry.repos.state import Place

__all__ = ["EOL", "GIT", "NONE", "Conversion", "Kind", "above", "conversions", "silenced"]

_ATTRIBUTES = ("text", "crlf", "eol", "ident", "filter", "working-tree-encoding")
_FILE = ".gitattributes"


class Kind(Enum):
    """What has to be done with a file's bytes to get its blob, and back."""

    NONE = auto()  # nothing: they are the same
    GIT = auto()  # the git program converts
    REFUSED = auto()  # nobody may: `reason` says why


@dataclass(frozen=True, slots=True)
class Conversion:
    """What stands between one path's bytes and its blob.

    `eol_only` tells that line ends are all that changes, `driver` which filter the file passes, "" for none.
    """

    kind: Kind
    reason: str = ""
    eol_only: bool = False
    driver: str = field(default="", compare=False)

    def keeps(self, data: bytes) -> bool:
        """Whether the blob of a file with these bytes is the bytes themselves, so that git need not be started."""
        return self.kind is Kind.NONE or (self.eol_only and b"\r\n" not in data)


NONE = Conversion(Kind.NONE)
GIT = Conversion(Kind.GIT)
EOL = Conversion(Kind.GIT, eol_only=True)


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
    safe = (config.get("core.safecrlf") or "").lower() != "warn" and config.flag("core.safecrlf")
    ends = GIT if safe else EOL
    default = ends if _converts_ends(config) else NONE
    directories = _directories(paths)
    environ = os.environ if environ is None else environ
    outside = _outside_sparse(git, place, directories) if config.flag("core.sparsecheckout") else {}
    if not outside and not _has_attributes(place, config, directories, environ):
        return dict.fromkeys(paths, default)
    drivers = Drivers(git, config, trusted=trusted, environ=environ)
    found = dict.fromkeys(paths, default)
    for path, values in _attributes(git, place, paths):
        found[path] = _decide(values, drivers, ends, default)
    for path in found:
        missing = next((outside[directory] for directory in above(path) if directory in outside), None)
        if missing is not None:
            found[path] = Conversion(
                Kind.REFUSED, f"{missing} may govern it and is outside the sparse checkout: add it to the checkout"
            )
    return found


def governed(git: Git, place: Place, paths: Collection[str]) -> frozenset[str]:
    """Return those of `paths` that files of attributes speak of which git knows and the working tree lacks now.

    `git add` goes by the index's then.
    """
    here = dict(_attributes(git, place, paths))
    return frozenset(path for path, values in _attributes(git, place, paths, fallback=True) if values != here[path])


# -- which --------------------------------------------------------------------------------------------------------


def _converts_ends(config: Config) -> bool:
    """Whether git looks for line ends to convert in files that no attribute speaks of."""
    return (config.get("core.autocrlf") or "").lower() == "input" or config.flag("core.autocrlf")


def _directories(paths: Iterable[str]) -> set[str]:
    """Every directory above one of the paths, the top ("") included."""
    return {directory for path in paths for directory in above(path)}


def above(path: str) -> Iterator[str]:
    """Yield every directory above a path, the nearest first and the top ("") last."""
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


def _attributes(
    git: Git, place: Place, paths: Collection[str], *, fallback: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    names = b"".join(os.fsencode(path) + b"\0" for path in paths)
    # Without an index, git check-attr reads the same files as git hash-object and git cat-file do.
    nowhere = {} if fallback else {"GIT_INDEX_FILE": str(place.common_dir / "gitferry" / "no-index")}
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


def _decide(values: Mapping[str, str], drivers: Drivers, ends: Conversion, default: Conversion) -> Conversion:
    """The rules of convert.c: `convert_attrs` and what it calls. Where git check-attr is ambiguous, git decides.

    It prints `set` for `text` and for `text=set`, of which only the first counts; likewise `unset`, `unspecified`.
    """
    name = drivers.named(values["filter"])
    objection = "" if name is None else drivers.objection(name)
    if objection:
        return Conversion(Kind.REFUSED, objection)
    if name is not None and drivers.runs(name):
        return Conversion(Kind.GIT, driver=name)
    # A bare working-tree-encoding, which has no meaning, git refuses in words of its own.
    if values["ident"] == "set" or values["working-tree-encoding"] not in ("unset", "unspecified", ""):
        return GIT
    by_attribute = ("set", "auto", "input")
    if values["text"] in by_attribute or values["crlf"] in by_attribute or values["eol"] in ("lf", "crlf"):
        return ends
    return default
