"""The one error that reaches a person: what happened, and what to do about it."""

from __future__ import annotations


class GitferryError(Exception):
    """A failure the message explains; the command line exits with `exit_code`.

    `title` says what happened and where, in one sentence without a full stop.
    `hint` says what to do; it may be empty where nothing can be done.
    """

    exit_code = 1

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.title}\n  {self.hint}" if self.hint else self.title
