"""Edits to the settings file by commands: comments and layout stay, and only a valid result replaces the file."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from gitferry.config import document, keys, splice, write
from gitferry.config.errors import GitferryError
from gitferry.config.faults import SettingsError
from gitferry.config.load import load, parse, read_file
from gitferry.config.model import Settings
from gitferry.config.template import template

_UNTOUCHED = "the file was left as it is"


class NotEdited(GitferryError):
    """The edit cannot be made; the file is as it was."""


def add_repository(
    path: Path, entry: Mapping[str, object], *, environ: Mapping[str, str] | None = None, dry_run: bool = False
) -> Settings:
    """Add an entry to `repositories`, creating the file from the workstation profile when there is none.

    With `dry_run` nothing is written: it tells whether the entry could be added.

    Values are written as in the file: texts, numbers, lists and dictionaries, durations as `5m`, `$$` for a dollar.
    Returns the settings after the edit. Raises SettingsError when they would not be valid, NotEdited, NotWritten.
    """
    value = dict(entry)
    if not os.path.lexists(path):
        text = template("workstation")
        known = os.environ if environ is None else environ
        root = _root(text.encode(), path)
        edited = splice.append(text, root, "repositories", value)
        settings = _checked(edited, path, known)
        if not dry_run:
            write.create(path, edited)
        return settings

    def change(text: str, root: document.Mapping) -> str:
        return splice.append(text, root, "repositories", value)

    def meant(plain: dict[str, Any]) -> None:
        plain["repositories"] = [*(plain.get("repositories") or []), _as_read(value)]

    return _edit(path, environ, change, meant, dry_run=dry_run)


def remove_repository(path: Path, name: str, *, environ: Mapping[str, str] | None = None) -> Settings:
    """Remove the entry of a repository, whether its name is written or derived; nothing of the repository itself.

    Returns the settings after the edit. Raises NotEdited when there is no such repository, SettingsError, NotWritten.
    """
    numbers: list[int] = []

    def change(text: str, root: document.Mapping) -> str:
        numbers.append(_number(path, environ, name))
        return splice.remove(text, root, "repositories", numbers[0])

    def meant(plain: dict[str, Any]) -> None:
        del plain["repositories"][numbers[0]]

    return _edit(path, environ, change, meant)


def set_value(path: Path, key: str, value: str, *, environ: Mapping[str, str] | None = None) -> Settings:
    """Set a dotted key (`defaults.pull.every`, `repositories.NAME.branch`) to a value as the file would hold it.

    A list or section is given in YAML's brackets, `null` clears a key that may be null. Returns the settings after
    the edit. Raises NotEdited for a key that leads nowhere, SettingsError when the result would not be valid,
    NotWritten.
    """
    place: list[str | int] = []
    written: list[Any] = []

    def change(text: str, root: document.Mapping) -> str:
        place.extend(_place(path, environ, key))
        written.append(_value(tuple(place), value))
        try:
            return splice.put(text, root, tuple(place), written[0])
        except LookupError as error:
            raise NotEdited(f"{path} has no place for {key}", "give a key of docs/settings.md") from error

    def meant(plain: dict[str, Any]) -> None:
        _put(plain, tuple(place), _as_read(written[0]))

    return _edit(path, environ, change, meant)


def secret(key: str) -> bool:
    """Return whether the dotted key's value is a secret, which must not be given as an argument."""
    # Whatever the entry's auth is now, and whatever its name: a key that is secret in one kind of auth is secret.
    last = key.rpartition(".")[2]
    auth = keys.find(("repositories", "auth"))[0] + keys.find(("notifications",))[0]
    fields = (keys.keys(section).get(last) for section in auth)
    return key.startswith(("repositories.", "notifications.")) and any(
        field is not None and keys.shape(field).secret for field in fields
    )


def _edit(
    path: Path,
    environ: Mapping[str, str] | None,
    change: Callable[[str, document.Mapping], str],
    meant: Callable[[dict[str, Any]], None],
    *,
    dry_run: bool = False,
) -> Settings:
    known = os.environ if environ is None else environ
    read_file(path)  # a file that is missing is told as that, and not as a directory that cannot be locked
    with write.editing(path):
        data = read_file(path)
        bom, newline = _form(data)
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        root = _root(text.encode(), path)
        edited = change(text, root)
        result = _checked(edited, path, known)
        expected = document.plain(root)
        if isinstance(expected, dict):
            meant(expected)
        if document.plain(_root(edited.encode(), path)) != expected:
            raise NotEdited(
                f"{path} is laid out in a way that cannot be edited safely", f"edit it by hand; {_UNTOUCHED}"
            )
        if edited != text and not dry_run:
            write.replace(path, bom + edited.replace("\n", newline), data)
        return result


def _form(data: bytes) -> tuple[str, str]:
    return "\ufeff" if data.startswith(b"\xef\xbb\xbf") else "", "\r\n" if b"\r\n" in data else "\n"


def _root(data: bytes, path: Path) -> document.Mapping:
    read = document.read(data, path)
    if read.root is None or read.faults:
        raise SettingsError(read.faults, _UNTOUCHED)
    return read.root


def _checked(text: str, path: Path, environ: Mapping[str, str]) -> Settings:
    try:
        return parse(text.encode(), path, environ)
    except SettingsError as error:
        raise SettingsError(error.faults, f"that would not be valid; {_UNTOUCHED}") from error


def _names(path: Path, environ: Mapping[str, str] | None) -> list[str]:
    # Names may be derived, so the whole file is read; an edit of another key works on a file with faults too.
    return [each.name for each in load(path, os.environ if environ is None else environ).repositories]


def _number(path: Path, environ: Mapping[str, str] | None, name: str) -> int:
    names = _names(path, environ)
    if name in names:
        return names.index(name)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(names) or 'none yet'}"
    raise NotEdited(f'there is no repository "{name}"', hint)


def _place(path: Path, environ: Mapping[str, str] | None, key: str) -> tuple[str | int, ...]:
    """Return the place of a dotted key; a repository is named there, and its name may hold dots."""
    if not key.startswith("repositories."):
        return tuple(key.split("."))
    rest = key.removeprefix("repositories.")
    names = [each for each in _names(path, environ) if rest.startswith(f"{each}.")]
    name = max(names, key=len) if names else rest.partition(".")[0]
    number = _number(path, environ, name)
    if not names:
        raise NotEdited(f"{key} names a repository and no key of it", f"give a key, such as {key}.branch")
    return ("repositories", number, *rest[len(name) + 1 :].split("."))


def _value(place: tuple[str | int, ...], text: str) -> Any:
    """Return what to write: a number or truth where the key takes one, a list or section from YAML, else the text."""
    field = keys.find(place)[1]
    if field is None:
        return text
    shape = keys.shape(field)
    if shape.optional and text == "null":
        return None
    if shape.many or shape.sections:
        try:
            return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - builds texts, lists and dictionaries only
        except yaml.YAMLError as error:
            raise NotEdited(f'"{text}" is not valid YAML', f"the key takes {keys.allowed(field)}") from error
    if shape.plain is bool and text in ("true", "false"):
        return text == "true"
    return int(text) if shape.plain is int and not shape.kind and text.isdecimal() and text.isascii() else text


def _as_read(value: Any) -> Any:
    """Return the value as `document.plain` gives it back: every leaf a text or null."""
    if isinstance(value, dict):
        return {str(key): _as_read(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_read(each) for each in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else str(value)


def _put(plain: Any, place: tuple[str | int, ...], value: Any) -> None:
    for step in place[:-1]:
        if isinstance(plain, dict):
            if plain.get(step) is None:
                plain[step] = {}
            plain = plain[step]
        else:
            plain = plain[step]
    plain[place[-1]] = value
