"""Which names may never be touched in a working tree, as git's verify_path() decides with every protection on.

Source: git's read-cache.c (verify_path, verify_dotfile), path.c (is_ntfs_dotgit), utf8.c (is_hfs_dotgit) and
git-config(1) core.protectHFS and core.protectNTFS. Both protections are on here on every platform, because a name
that is harmless on this disk is pushed to machines where it is not.
"""

from __future__ import annotations

import re

from gitferry.repos.disk_errors import UnsafeName, printable

#: Code points that HFS+ ignores when it compares names.
_HFS_IGNORED = {code: None for code in (*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF)}
#: `.git`, or its short name, then only what NTFS drops (dots, spaces) up to the end or an alternate stream.
#: `\A...\Z` without DOTALL tricks: a newline is an ordinary character of a name.
_NTFS_GIT = re.compile(r"\A(?:\.git|git~1)[. ]*(?:\Z|:)", re.IGNORECASE)
_NTFS_GITMODULES = re.compile(r"\A(?:\.gitmodules|gitmod~[1-4])[. ]*(?:\Z|:)", re.IGNORECASE)


def check_name(path: str, *, symlink: bool = False) -> None:
    """Raise `UnsafeName` unless `path` is a relative path git itself would check out.

    A backslash is an ordinary character on Linux, as in git; what follows one is still refused when it spells
    `.git`, since other machines take it for a separator. `symlink` also refuses `.gitmodules` (git refuses it as
    a symbolic link).
    """
    if "\0" in path:
        raise _unsafe(path, "contains a NUL")
    if path.startswith("/"):
        raise _unsafe(path, "is absolute")
    for component in path.split("/"):
        _check_component(path, component, symlink=symlink)


def _check_component(path: str, component: str, *, symlink: bool) -> None:
    if component in ("", ".", ".."):
        raise _unsafe(path, "has an empty, '.' or '..' component")
    for part in component.split("\\"):
        if not part:
            continue
        folded = part.translate(_HFS_IGNORED)
        if _NTFS_GIT.match(part) or _NTFS_GIT.match(folded):
            raise _unsafe(path, "reaches into a git directory")
        if symlink and (_NTFS_GITMODULES.match(part) or _NTFS_GITMODULES.match(folded)):
            raise _unsafe(path, "is a .gitmodules that is a symbolic link")


def _unsafe(path: str, why: str) -> UnsafeName:
    return UnsafeName(
        path, f"refused the name {printable(path)!r}: it {why}", "remove or rename it where it was made, then push that"
    )
