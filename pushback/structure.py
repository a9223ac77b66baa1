"""The second step of a merge: JSON and YAML texts whose lines conflict, merged by key and by identified element.

A conflict is always a right answer and a wrong merge never is, so what was put together is measured before it is given
away: it parses, means what a merge of the values alone means, has lost no comment, and merged once more it stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gitferry.pushback import json_text, yaml_text
from gitferry.pushback.entry_merge import either, merge_trees
from gitferry.pushback.text_tree import Tree
from gitferry.pushback.value import Unsettled, Value, read_json, read_yaml
from gitferry.pushback.value_merge import merge_values

#: Bytes a text may have.
SIZE_LIMIT = 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_MARKERS = ("<<<<<<<", "|||||||", ">>>>>>>")


@dataclass(frozen=True, slots=True)
class _Format:
    """How the texts of one format are read: for their meaning, and for their places."""

    read: Callable[[str], Value]
    scan: Callable[[str], Tree]
    ended: bool  # the scanner wants the last line ended


_JSON = _Format(read_json, json_text.scan, ended=False)
_YAML = _Format(read_yaml, yaml_text.scan, ended=True)
_FORMATS = {".json": _JSON, ".yaml": _YAML, ".yml": _YAML}


def merge_text(name: str, base: bytes, local: bytes, remote: bytes) -> bytes | None:
    """Return the remote's text with our changes in it, or None where nothing is certain.

    `name` says by its suffix whether it is JSON (.json) or YAML (.yaml, .yml). What we did not change stays byte for
    byte as the remote has it. Never raises, whatever the bytes.
    """
    form = _form(name)
    if form is None:
        return None
    try:
        return _merge(form, *(_opened(data, form) for data in (base, local, remote)))
    except Unsettled:
        return None


def stands(name: str, sides: Sequence[bytes], merged: bytes) -> bool:
    """Return whether a merge by lines may stand: two good texts that merge cleanly need not make a third.

    `sides` are base, local and remote. Where all three are read, the result must be, and mean what a merge of the
    values means, where that is certain.
    """
    form = _form(name)
    if form is None:
        return True
    try:
        base, local, remote = (_opened(data, form).value for data in sides)
    except Unsettled:
        return True  # nothing that could be compared
    try:
        found = _opened(merged, form).value
    except Unsettled:
        return False
    try:
        return found == merge_values(base, local, remote)
    except Unsettled:
        return True


def _form(name: str) -> _Format | None:
    return next((form for suffix, form in _FORMATS.items() if name.lower().endswith(suffix)), None)


# --- A text and its wrapping ---


@dataclass(frozen=True, slots=True)
class _Text:
    """A file's text with line feeds only, and what was taken off."""

    data: bytes
    mark: bool  # of the byte order
    line_end: str | None  # None where there is one line only
    ended: bool  # the last line
    text: str
    value: Value
    tree: Tree


def _opened(data: bytes, form: _Format) -> _Text:
    if len(data) > SIZE_LIMIT:
        raise Unsettled("it is too large")
    try:
        text = data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unsettled("it is not UTF-8") from error
    line_end = "\r\n" if "\r\n" in text else "\n" if "\n" in text else None
    if line_end == "\r\n":
        text = text.replace("\r\n", "\n")
    if "\r" in text or (line_end == "\r\n" and data.count(b"\n") != data.count(b"\r\n")):
        raise Unsettled("its lines do not all end alike")
    if any(line.startswith(_MARKERS) for line in text.split("\n")):
        raise Unsettled("it holds the markers of a conflict")
    ended = text.endswith("\n")
    tree = form.scan(text if ended or not form.ended else text + "\n")
    return _Text(data, data.startswith(_BOM), line_end, ended, text, form.read(text), tree)


def _closed(text: str, form: _Format, base: _Text, local: _Text, remote: _Text) -> bytes:
    if form.ended and not either(base.ended, local.ended, remote.ended):
        text = text.removesuffix("\n")
    known = [each.line_end for each in (base, local, remote)]
    line_end = either(*known) if None not in known else remote.line_end or local.line_end
    if line_end == "\r\n":
        text = text.replace("\n", "\r\n")
    mark = _BOM if either(base.mark, local.mark, remote.mark) else b""
    return mark + text.encode("utf-8")


# --- The merge, and what it has to stand ---


def _merge(form: _Format, base: _Text, local: _Text, remote: _Text) -> bytes:
    if local.data == base.data or local.data == remote.data:
        return remote.data
    if remote.data == base.data:
        return local.data
    value = merge_values(base.value, local.value, remote.value)
    data = _closed(merge_trees(base.tree, local.tree, remote.tree), form, base, local, remote)
    merged = _opened(data, form)
    if merged.value != value:
        raise Unsettled("the text does not mean what both sides meant")
    if not _keeps_comments(*(each.tree.comments for each in (base, local, remote, merged))):
        raise Unsettled("a comment would be lost, or come back")
    heads = {_head(local.text), _head(remote.text)}
    if None not in heads and _head(merged.text) not in heads:
        raise Unsettled("what heads the text would no longer head it")
    # Ours and the result meet again where a push is learnt of only later.
    if _closed(merge_trees(base.tree, local.tree, merged.tree), form, base, local, merged) != data:
        raise Unsettled("merged once more with ours, it would be another text")
    return data


def _head(text: str) -> str | None:
    """Return the comment that a text begins with, None where it begins with something else."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    return first if first.startswith("#") else None


def _keeps_comments(base: Sequence[str], local: Sequence[str], remote: Sequence[str], merged: Sequence[str]) -> bool:
    """Return whether each comment stands as often as both sides' changes make it."""
    counts = [Counter(side) for side in (base, local, remote, merged)]
    return all(_is_between(*(count[comment] for count in counts)) for comment in set().union(*counts))


def _is_between(base: int, local: int, remote: int, merged: int) -> bool:
    """Return whether a comment that stood `base` times may stand `merged` times.

    Where both sides added it, or both removed it, that may have been the same place or two.
    """
    if local == base or remote == base:
        return merged == (remote if local == base else local)
    both = local + remote - base
    if local > base and remote > base:
        return max(local, remote) <= merged <= both
    return local < base and remote < base and both <= merged <= min(local, remote)
