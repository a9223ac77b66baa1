"""Three-way merge of two texts, entry by entry, spliced into the remote's: what we did not change stays as it is there.

A text here is atomic (white space, comments, a key with its colon, a scalar): changed on one side only, it is that
side's. What the sides mean is judged elsewhere, by values; here only their texts are put together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gitferry.pushback.text_tree import Entry, Form, Node, Tree
from gitferry.pushback.value import Atom, Unsettled, Value
from gitferry.pushback.value_merge import Identities, identities, order, same_order

T = TypeVar("T")


def merge_trees(base: Tree, local: Tree, remote: Tree) -> str:
    """Return the text with both sides' changes. Raises `Unsettled` where they cannot be told apart by entries."""
    before = either(base.before, local.before, remote.before)
    root = _node(_Three(base.root, local.root, remote.root), "", "")
    return before + root + either(base.behind, local.behind, remote.behind)


def either(base: T, local: T, remote: T) -> T:
    """Return the side that changed something. Raises `Unsettled` where both did, and not the same."""
    if local in (base, remote):
        return remote
    if remote == base:
        return local
    raise Unsettled("both sides changed one text")


@dataclass(frozen=True, slots=True)
class _Three:
    """One node on all three sides."""

    base: Node
    local: Node
    remote: Node

    @property
    def values(self) -> tuple[list[Value], list[Value], list[Value]]:
        """The values of the entries."""
        base, local, remote = ([entry.node.value for entry in node.entries] for node in self.all)
        return base, local, remote

    @property
    def all(self) -> tuple[Node, Node, Node]:
        return self.base, self.local, self.remote

    def either(self, look: Callable[[Node], T]) -> T:
        return either(look(self.base), look(self.local), look(self.remote))


@dataclass(frozen=True, slots=True)
class _Piece:
    """One entry of the result; `lead` is None where it is the container's to say how entries are set apart."""

    lead: str | None
    body: str
    after: str
    trail: str


def _node(three: _Three, here: str, there: str) -> str:
    """Return the merged text of a value whose line is indented by `here` on our side and by `there` on the remote's."""
    base, local, remote = three.base, three.local, three.remote
    if local.text in (base.text, remote.text):
        return remote.text
    if remote.text == base.text:
        if here != there and local.value == base.value:
            raise Unsettled("a new layout, where the remote has another one already")
        return _moved(local.text, local, here, there, whole_lines=local.form is Form.BLOCK and not local.inline)
    kinds = {(node.form, node.mapping, node.inline) for node in three.all}
    agreed = local.value == remote.value != base.value
    if len(kinds) == 1 and base.form is not Form.PLAIN:
        try:
            return _container(three, here, there)
        except Unsettled:
            if not agreed:
                raise
    if agreed:
        return remote.text
    raise Unsettled("both sides changed one text")


def _container(three: _Three, here: str, there: str) -> str:
    keys = _keys(three)
    base = dict(zip(keys.base, three.base.entries, strict=True))
    local = dict(zip(keys.local, three.local.entries, strict=True))
    remote = dict(zip(keys.remote, three.remote.entries, strict=True))
    pieces: dict[Atom, _Piece] = {}
    for key, entry in remote.items():
        if key in local and key in base:
            pieces[key] = _entry(base[key], local[key], entry, three.base.form)
        elif key in local or key not in base:
            pieces[key] = _Piece(entry.lead, entry.head + entry.node.text, entry.after, entry.trail)
    added = {key: entry for key, entry in local.items() if key not in base and key not in remote}
    if three.base.form is Form.BLOCK:
        column = three.either(lambda node: node.column)
        pieces |= {key: _block_piece(entry, " " * column) for key, entry in added.items()}
        return _block(three, [pieces[key] for key in order(keys, set(pieces))], column)
    pieces |= _bracket_pieces(three, list(pieces.values()), added, here, there)
    return _brackets(three, [pieces[key] for key in order(keys, set(pieces))])


def _keys(three: _Three) -> Identities:
    """Return what the entries are known by. Raises where we moved some and the remote did not move them alike."""
    if not three.base.mapping:
        return identities(three.values)
    base, local, remote = ([entry.key for entry in node.entries if entry.key is not None] for node in three.all)
    if not same_order(base, local) and not same_order(local, remote):
        raise Unsettled("keys were reordered")
    return Identities(base, local, remote, scalar=False)


def _entry(base: Entry, local: Entry, remote: Entry, form: Form) -> _Piece:
    """Return an entry that all three sides have."""
    if base.lead is None or local.lead is None or remote.lead is None:
        lead = remote.lead if remote.lead is not None else local.lead
    else:
        lead = either(base.lead, local.lead, remote.lead)
    if local.core == base.core:
        return _Piece(lead, remote.head + remote.node.text, remote.after, remote.trail)
    starts_line = lead is not None and (form is Form.BLOCK or "\n" in lead)
    indent = _last_line(lead) if lead is not None and starts_line else remote.indent
    value = _node(_Three(base.node, local.node, remote.node), local.indent, indent)
    return _Piece(
        lead,
        either(base.head, local.head, remote.head) + value,
        either(base.after, local.after, remote.after),
        either(base.trail, local.trail, remote.trail),
    )


def _moved(text: str, node: Node, here: str, there: str, *, whole_lines: bool = False) -> str:
    """Return our text as it stands where lines are indented by `there`. The first line is one of `whole_lines` only.

    Raises `Unsettled` where indentation may be more than layout.
    """
    lines = text.split("\n")
    if here == there or (len(lines) == 1 and not whole_lines):
        return text
    if node.rigid:
        raise Unsettled("text of several lines would be indented anew")
    kept = 0 if whole_lines else 1
    moved = lines[:kept]
    for line in lines[kept:]:
        if line.strip() and not line.startswith(here):
            raise Unsettled("a line that is indented less than its entry")
        moved.append(there + line[len(here) :] if line.strip() else line)
    return "\n".join(moved)


# --- A block's lines ---


def _block_piece(entry: Entry, indent: str) -> _Piece:
    """Return an entry that only we have, for a block whose entries are indented by `indent`."""
    lead = entry.lead
    if lead is not None:
        above = lead[: lead.rfind("\n") + 1]
        lead = _moved(above, entry.node, entry.indent, indent, whole_lines=True) + indent
    body = _moved(entry.head + entry.node.text, entry.node, entry.indent, indent)
    return _Piece(lead, body, entry.after, entry.trail)


def _block(three: _Three, pieces: Sequence[_Piece], column: int) -> str:
    if not pieces:
        raise Unsettled("nothing is left of a block")
    text = ""
    for number, piece in enumerate(pieces):
        lead = " " * column if piece.lead is None else piece.lead
        if number == 0 and three.remote.inline:
            if lead.strip(" "):
                raise Unsettled("what stands above an entry has no line behind a dash")
            lead = ""
        text += lead + piece.body + piece.trail
    return text + three.either(lambda node: node.closing)


# --- Brackets ---


def _bracket_pieces(
    three: _Three, pieces: Sequence[_Piece], added: dict[Atom, Entry], here: str, there: str
) -> dict[Atom, _Piece]:
    """Return the entries that only we have, set apart as their neighbours are."""
    line = next((piece.lead for piece in pieces if piece.lead is not None and "\n" in piece.lead), None)
    we_break = any(entry.lead is not None and "\n" in entry.lead for entry in three.local.entries)
    made: dict[Atom, _Piece] = {}
    for key, entry in added.items():
        lead = entry.lead
        breaks = lead is not None and "\n" in lead
        if lead is not None and breaks and line is not None:
            lead = lead[: lead.rfind("\n") + 1] + _last_line(line)
        elif lead is not None and breaks and not pieces:
            lead = _moved(lead + ".", entry.node, here, there).removesuffix(".")
        elif breaks:
            lead = None
        elif line is not None and not we_break:
            lead = "\n" + _last_line(line)
        indent = _last_line(lead) if lead is not None and "\n" in lead else there
        body = _moved(entry.head + entry.node.text, entry.node, entry.indent, indent)
        made[key] = _Piece(lead, body, entry.after, entry.trail if line is not None else "")
    return made


def _brackets(three: _Three, pieces: Sequence[_Piece]) -> str:
    opening = three.either(lambda node: node.opening) if three.base.entries else three.remote.opening
    closing = three.either(lambda node: node.closing) if three.base.entries else three.remote.closing
    comma = three.either(lambda node: node.comma) if three.base.entries else three.remote.comma
    if not pieces:
        raise Unsettled("nothing is left between brackets")
    between = next((piece.lead for piece in pieces if piece.lead is not None and "\n" not in piece.lead), " ")
    text = opening
    for number, piece in enumerate(pieces):
        lead = piece.lead
        if number == 0:
            if lead is not None and "\n" in lead:
                text = opening[0] + lead
        else:
            text += between if lead is None else lead
        text += piece.body
        if number + 1 < len(pieces):
            text += piece.after + "," + piece.trail
        elif comma:
            text += piece.after + ","
    return text + closing


def _last_line(lead: str) -> str:
    return lead.rpartition("\n")[2]
