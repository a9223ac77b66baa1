"""How SSH writes numbers and texts (RFC 4251, section 5). Pure."""

from __future__ import annotations


class BadMessage(ValueError):
    """Bytes that are not what they should be."""


def text(data: bytes) -> bytes:
    """Return `data` as a `string`: its length, then itself."""
    return len(data).to_bytes(4, "big") + data


def number(value: int) -> bytes:
    """Return a number that is not negative as an `mpint`."""
    return text(value.to_bytes(value.bit_length() // 8 + 1, "big") if value else b"")


class Reader:
    """Reads one message from its start. Every method raises BadMessage where it ends too soon."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        found = self._data[self._at : self._at + count]
        if len(found) != count:
            raise BadMessage(f"{count} bytes expected, {len(found)} there")
        self._at += count
        return found

    def byte(self) -> int:
        """Return the next byte."""
        return self.take(1)[0]

    def uint32(self) -> int:
        """Return the next number of four bytes."""
        return int.from_bytes(self.take(4), "big")

    def text(self) -> bytes:
        """Return the next `string`."""
        return self.take(self.uint32())
