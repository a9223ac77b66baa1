"""Credentials in a text: forms that a vendor gave them are known, and what is only named a secret is suspected.

The engine and most forms are Kingfisher's (mongodb.github.io/kingfisher), used in this process; it reads the text it
is given and nothing else, and its validators, which would call the vendors, are never made. What its catalogue lacks
is in secret_rules.yml. No value here holds a credential: only where it stands and what kind it is.
"""

from __future__ import annotations

import codecs
import os
import re
import threading
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gitferry.config.errors import GitferryError
from gitferry.config.paths import NoHome, state_dir
from gitferry.security import secret_kinds

if TYPE_CHECKING:
    from kingfisher_sdk import Finding, Scanner

#: The most findings that one text is told of; the first ones, known forms before all others.
MOST: Final = 50

_OWN_RULES: Final = Path(__file__).with_name("secret_rules.yml")
_CATALOGUE: Final = re.compile(r"^(?:betterleaks\.|veles\.secrets/|gitferry\.)")

_EXCUSED: Final = re.compile(
    r"pragma:\s*(?:allow|white)list[ -]secret|(?:git|better)leaks:allow|kingfisher:ignore|trufflehog:ignore", re.I
)
_EXCUSED_NEXT: Final = re.compile(r"pragma:\s*(?:allow|white)list[ -]nextline[ -]secret", re.I)

_SHORTEST: Final = 12
_MARKED: Final = re.compile(r"[0-9A-Z]")
_BY_PLACE: Final = re.compile(r"://|passw|curl", re.I)
# Many rules end in a quote, a blank or the line's end. Texts have other signs behind a credential, as prose, markup
# and addresses do: it is looked at once more with blanks in their place.
_SIGNS: Final = bytes(32 if chr(byte) in ",()[]{}<>&|*`.:;#%!?/" or byte > 127 else byte for byte in range(256))
# A file in base 64 holds every short prefix somewhere: what lies in the midst of this many such characters is no token.
_ENCODED: Final = 256
_ENCODED_AFTER: Final = re.compile(rb"[A-Za-z0-9+/_-]*")
_ENCODED_BEFORE: Final = re.compile(rb"[A-Za-z0-9+/_-]*\Z")


class NoScanner(GitferryError):
    """The library that knows the forms of credentials cannot be loaded here."""

    def __init__(self, failure: Exception) -> None:
        super().__init__(
            f"nothing can be scanned for credentials: {failure}",
            "install gitferry anew with pip, on a system that kingfisher-secret-scanner has a wheel for; "
            "or `secrets: off` under pushback in the settings",
        )


@dataclass(frozen=True, slots=True)
class Found:
    """One credential, or what may be one. `line` is where it begins; `known`: its form is one that a vendor gives;
    `excused`: a comment beside it says that it is none.
    """

    line: int
    kind: str
    known: bool
    excused: bool


@dataclass(frozen=True, slots=True)
class _Place:
    start: int  # bytes
    end: int
    rule: str


def prepare() -> None:
    """Load the rules, unless they are: 0.4 s, and 5 s the first time on a machine. Raises NoScanner.

    Other threads run meanwhile.
    """
    _loaded()


def scan(path: str, lines: Iterable[tuple[int, str]], *, touching: Collection[int] | None = None) -> tuple[Found, ...]:
    """Return the credentials in numbered lines of the file at `path` (relative, `/` between names), by line.

    With `touching`, only those that some line of that number has a part in: the other lines tell what it is. Lines
    whose numbers are apart are no neighbours. May be called from several threads. Raises NoScanner.
    """
    numbered = tuple(lines)
    if not any(_worth_it(text) for number, text in numbered if touching is None or number in touching):
        return ()
    engine = _loaded()
    text = _Text(numbered)
    found: list[Found] = []
    for place in engine.places(path, text.data):
        lying = text.between(place)
        at = next((i for i in lying if touching is None or numbered[i][0] in touching), None)
        if at is None:
            continue
        secret = text.data[place.start : place.end].decode("utf-8", "replace")
        known = secret_kinds.known(place.rule, secret)
        if known is not None:
            found.append(Found(numbered[at][0], engine.kinds[place.rule], known, text.excused(lying)))
        if len(found) == MOST:
            break
    return tuple(sorted(found, key=lambda each: each.line))


def _worth_it(line: str) -> bool:
    """Return whether a line can have a part in a credential: for others the rules need not be loaded.

    No vendor's form is shorter than twelve signs, and next to none comes without a digit or a capital. What a person
    chose may be both: it stands in addresses, in curl's options and behind the word password.
    """
    if _BY_PLACE.search(line):
        return True
    return any(len(word) >= _SHORTEST and _MARKED.search(word) for word in line.split())


class _Text:
    """Numbered lines as one text, in bytes, and which line a byte of it lies in."""

    def __init__(self, lines: Sequence[tuple[int, str]]) -> None:
        self._lines = lines
        if lines[-1][0] - lines[0][0] == len(lines) - 1:
            text = "\n".join([text for _, text in lines])
        else:
            # A paragraph's distance keeps lines that were no neighbours from being read as one.
            gaps = ("" if one + 1 == other else "\n\n" for (one, _), (other, _) in pairwise(lines))
            text = lines[0][1] + "".join(f"\n{gap}{text}" for gap, (_, text) in zip(gaps, lines[1:], strict=True))
        # The scanner drops a byte order mark, and would count from behind it.
        self.data = text.removeprefix("\ufeff").encode("utf-8", "replace") + b"\n"

    @cached_property
    def _starts(self) -> list[int]:
        """Where each line begins."""
        starts = []
        at = 0
        for index, (number, text) in enumerate(self._lines):
            at += 2 if index and number != self._lines[index - 1][0] + 1 else 0
            starts.append(at)
            at += len(text.encode("utf-8", "replace")) + 1
        mark = len(codecs.BOM_UTF8) if self._lines[0][1].startswith("\ufeff") else 0
        return [max(0, start - mark) for start in starts]

    def between(self, place: _Place) -> range:
        """Return the indices of the lines from a place's first byte to its last."""
        last = max(place.start, place.end - 1)
        return range(bisect_right(self._starts, place.start) - 1, bisect_right(self._starts, last))

    def excused(self, lying: range) -> bool:
        """Return whether a comment in these lines, or in the one before them, says that they hold no credential."""
        if any(_EXCUSED.search(self._lines[index][1]) for index in lying):
            return True
        return lying[0] > 0 and _EXCUSED_NEXT.search(self._lines[lying[0] - 1][1]) is not None


@dataclass(frozen=True, slots=True)
class _Engine:
    """The loaded rules. They keep nothing of a scan, so that threads share them."""

    scanner: Scanner
    kinds: Mapping[str, str]  # by rule, what people call it

    def places(self, path: str, data: bytes) -> Iterator[_Place]:
        """Yield what the rules find, known forms first; of those that overlap, the first."""
        from kingfisher_sdk import ScanInput

        shown = path.encode("utf-8", "replace").decode()  # a name need not be UTF-8, a path of the scanner's must
        texts = (data, data.translate(_SIGNS))
        found = [each for text in texts for each in self.scanner.scan_input(ScanInput(path=shown, data=text))]
        places = [place for place in map(_place, found) if place is not None and not _encoded(data, place)]
        starts: list[int] = []
        ends: list[int] = []
        for place in sorted(places, key=lambda each: (secret_kinds.rank(each.rule), each.start)):
            after = bisect_right(ends, place.start)
            if after < len(starts) and starts[after] < place.end:
                continue
            starts.insert(after, place.start)
            ends.insert(after, place.end)
            yield place


_loading: Final = threading.Lock()
_engine: _Engine | None = None


def _loaded() -> _Engine:
    global _engine
    with _loading:
        if _engine is None:
            _engine = _load()
        return _engine


def _load() -> _Engine:
    try:
        from kingfisher_sdk import DetectionPolicy, Rules, Scanner

        rules = Rules([_OWN_RULES], confidence="high", cache_dir=_cache())
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        raise NoScanner(error) from error
    # Redacted, its findings hold no secret either. Comments that excuse a line are ours to see, for they are recorded.
    scanner = Scanner(rules, redact=True, policy=DetectionPolicy(inline_ignores=False))
    rules_of = [(_short(rule["id"]), str(rule["name"])) for rule in rules.metadata()]
    return _Engine(scanner, {rule: secret_kinds.name(rule, sentence) for rule, sentence in rules_of})


def _cache() -> Path | None:
    """Where the compiled rules are kept, for the next process; None: where the library says."""
    if os.environ.get("KF_RULE_CACHE_DIR"):
        return None
    try:
        return state_dir(os.environ) / "secret-rules"
    except NoHome:
        return None


def _short(rule: str) -> str:
    return _CATALOGUE.sub("", rule)


def _place(finding: Finding) -> _Place | None:
    rule = _short(finding.rule_id)
    if not finding.visible or secret_kinds.public(rule):
        return None
    where = finding.location
    return _Place(where["start_offset"], where["end_offset"], rule)


def _encoded(data: bytes, place: _Place) -> bool:
    """Return whether it lies in the midst of an encoded file."""
    before = _ENCODED_BEFORE.search(data, max(0, place.start - _ENCODED), place.start)
    after = _ENCODED_AFTER.match(data, place.end, place.end + _ENCODED)
    return sum(len(part[0]) for part in (before, after) if part is not None) >= _ENCODED
