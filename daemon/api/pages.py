"""Long lists in pages: a cursor names the last row seen, so that rows which come meanwhile move nothing."""

from __future__ import annotations

from typing import Any

from gitferry.config.errors import GitferryError


class LostCursor(GitferryError):
    """The row that the cursor names is no longer in the list."""

    def __init__(self) -> None:
        super().__init__("the cursor names a row that is gone", "Begin again without a cursor.")


def page(answer: dict[str, Any], key: str, limit: int | None, cursor: str | None) -> dict[str, Any]:
    """Return `answer` with at most `limit` rows under `key`, those after the one whose id is `cursor`.

    Its other keys stay; `next_cursor` is added, null on the last page. Raises LostCursor.
    """
    rows = answer[key]
    start = 0
    if cursor is not None:
        start = next((index + 1 for index, row in enumerate(rows) if row["id"] == cursor), 0)
        if start == 0:
            raise LostCursor
    shown = rows[start:] if limit is None else rows[start : start + limit]
    more = start + len(shown) < len(rows)
    return {**answer, key: shown, "next_cursor": shown[-1]["id"] if more and shown else None}
