"""A gitignore pattern as a regular expression of bytes that matches what git's wildmatch() matches. Pure.

Source: gitignore(5), "PATTERN FORMAT", and git's wildmatch.c with WM_PATHNAME, oddities included: a malformed bracket
matches nothing, `**` means directories only between slashes or the pattern's ends, and where case is ignored a
letter that is escaped or stands alone in a bracket is compared as it is.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable

#: Matches nothing.
NEVER = rb"(?!)"

_ALPHA, _DIGIT = string.ascii_letters.encode(), string.digits.encode()
_PUNCT, _BLANK = string.punctuation.encode(), b" \t"
_SPACE = b" \t\n\r"  # git's own table: no form feed and no vertical tab
# wildmatch.c, "[:class:]", in ASCII.
_CLASSES = {
    b"alnum": _ALPHA + _DIGIT,
    b"alpha": _ALPHA,
    b"blank": _BLANK,
    b"cntrl": bytes((*range(0x20), 0x7F)),
    b"digit": _DIGIT,
    b"graph": bytes(range(0x21, 0x7F)),
    b"lower": string.ascii_lowercase.encode(),
    b"print": bytes(range(0x20, 0x7F)),
    b"punct": _PUNCT,
    b"space": _SPACE,
    b"upper": string.ascii_uppercase.encode(),
    b"xdigit": string.hexdigits.encode(),
}


def literal_length(pattern: bytes) -> int:
    """Return how many bytes stand before the first one that is special."""
    found = re.search(rb"[*?\[\\]", pattern)
    return len(pattern) if found is None else found.start()


def translated(pattern: bytes, *, fold: bool = False) -> bytes:
    """Return the expression of one pattern, to be matched with `fullmatch` and DOTALL against a path.

    `fold`: case is ignored, and the path given in lower case.
    """
    parts: list[bytes] = []
    at = 0
    while at < len(pattern):
        char = pattern[at : at + 1]
        if char == b"*":
            part, at = _stars(pattern, at)
        elif char == b"?":
            part, at = b"[^/]", at + 1
        elif char == b"[":
            bracket = _bracket(pattern, at + 1, fold)
            if bracket is None:
                return NEVER
            part, at = bracket
        elif char == b"\\":
            if at + 1 == len(pattern):
                return NEVER
            part, at = re.escape(pattern[at + 1 : at + 2]), at + 2
        else:
            part, at = re.escape(char.lower() if fold else char), at + 1
        parts.append(part)
    return b"".join(parts)


def _stars(pattern: bytes, start: int) -> tuple[bytes, int]:
    """The expression of the asterisks at `start`, and where the pattern goes on."""
    end = start
    while pattern[end : end + 1] == b"*":
        end += 1
    rest = pattern[end:]
    opens = start == 0 or pattern[start - 1 : start] == b"/"
    if end - start == 1 or not opens or not (rest == b"" or rest.startswith((b"/", b"\\/"))):
        return b"[^/]*", end
    if rest.startswith(b"/"):
        return b"(?:.*/)?", end + 1
    return b".*", end


def _bracket(pattern: bytes, at: int, fold: bool) -> tuple[bytes, int] | None:
    """The expression of the set whose first byte is at `at`, and where the pattern goes on; None: it never matches."""
    negated = pattern[at : at + 1] in (b"!", b"^")
    at += negated
    members: set[int] = set()
    last, first = 0, True  # the byte that a range would begin with, 0 where none can
    while first or pattern[at : at + 1] != b"]":
        first = False
        read = _member(pattern, at, last, fold)
        if read is None:
            return None
        found, last, at = read
        members |= found
    allowed = (set(range(256)) - members if negated else members) - {ord("/")}
    if not allowed:
        return NEVER, at + 1
    return b"[" + b"".join(b"\\x%02x" % byte for byte in sorted(allowed)) + b"]", at + 1


def _member(pattern: bytes, at: int, last: int, fold: bool) -> tuple[set[int], int, int] | None:
    """What one item of a set adds, the byte that a range may begin with after it, and where the next item is."""
    char = pattern[at : at + 1]
    if char == b"\\":
        char, at = pattern[at + 1 : at + 2], at + 1
    elif char == b"-" and last and pattern[at + 1 : at + 2] not in (b"", b"]"):
        at += 1
        at += pattern[at : at + 1] == b"\\"
        end = pattern[at : at + 1]
        return None if not end else (_both_cases(range(last, end[0] + 1), fold), 0, at + 1)
    elif char == b"[" and pattern[at + 1 : at + 2] == b":":
        close = pattern.find(b"]", at + 2)
        if close < 0:
            return None
        name = pattern[at + 2 : close]
        if name.endswith(b":"):
            known = _CLASSES.get(name[:-1])
            return None if known is None else (_both_cases(known, fold and name == b"upper:"), 0, close + 1)
    return None if not char else ({char[0]}, char[0], at + 1)


def _both_cases(members: Iterable[int], fold: bool) -> set[int]:
    found = set(members)
    return found | set(bytes(found).lower()) if fold else found
