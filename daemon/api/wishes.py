"""What a request's body may ask for; anything else in it is refused by name."""

from __future__ import annotations

import base64
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, WithJsonSchema, model_validator

from gitferry.pushback.outcome import Strategy, Take
from gitferry.repos.content import File


class Wish(BaseModel):
    """A body that knows its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Push(Wish):
    """Push these tasks (ids, names or paths), or all that wait."""

    tasks: tuple[str, ...] = ()
    all: bool = False
    message: str | None = None
    dry_run: bool = False
    strategy: Strategy | None = None  # what answers a conflict of a named task, this once

    @model_validator(mode="after")
    def _strategies_are_for_tasks(self) -> Self:
        if self.strategy is not None and self.all:
            raise ValueError("a strategy goes with tasks that are named")
        return self


class Approve(Wish):
    """Approve the changes of these tasks (ids, names or paths), which pushes them, or reject them.

    `version` is a single task's as its author saw it (`version_seen` of `push status`); another one is not approved.
    """

    tasks: tuple[str, ...] = Field(min_length=1)
    granted: bool = True
    version: str | None = None

    @model_validator(mode="after")
    def _version_is_of_one(self) -> Self:
        if self.version is not None and len(self.tasks) > 1:
            raise ValueError("a version goes with one task")
        return self


class Prune(Wish):
    """Delete the review branches that are over; `dry_run` names them."""

    repository: str | None = None
    dry_run: bool = False


class Message(Wish):
    """The commit message of a push, instead of the template's."""

    message: str | None = None


class PushOne(Message):
    """How the task of the route is pushed."""

    strategy: Strategy | None = None  # what answers its conflict, this once


_BASE64 = {"type": "string", "contentEncoding": "base64"}


def _decoded(content: object) -> bytes:
    # pydantic's own Base64Bytes (2.11) skips what is no base64, which would make a garbled file an empty one.
    if not isinstance(content, str):
        raise ValueError("give base64 text")
    return base64.b64decode(content, validate=True)


class GivenFile(Wish):
    """A file as it shall be: its content in base64 (RFC 4648 section 4), and its mode as git writes it."""

    content: Annotated[bytes, BeforeValidator(_decoded), WithJsonSchema(_BASE64)]
    mode: Literal["100644", "100755", "120000"] = "100644"

    def file(self) -> File:
        """Return it as the engine knows files."""
        return File(int(self.mode, 8), self.content)


class Resolve(Wish):
    """Answer a conflict with one of its versions, or with `files` (null: the file goes) where that is `given`.

    `version` is the conflict's, as its author saw it: what has changed since is not answered.
    """

    take: Take
    version: str | None = None
    files: dict[str, GivenFile | None] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _files_are_for_given(self) -> Self:
        if self.files and self.take is not Take.GIVEN:
            raise ValueError("files go with take: given")
        return self


class Repositories(Wish):
    """Cross these repositories; none named means all."""

    repositories: tuple[str, ...] = ()


class Unlock(Wish):
    """The vault's passphrase; the answer to a malformed request does not repeat it."""

    passphrase: SecretStr = Field(min_length=1)


class Try(Wish):
    """The credential of the vault that has another secret now; none: any of them may have."""

    credential: str | None = None


class Pause(Wish):
    """Pause one repository or all, for some seconds or until resumed."""

    repository: str | None = None
    seconds: float | None = Field(default=None, gt=0)


class PauseOne(Wish):
    """Pause the repository of the route, for some seconds or until resumed."""

    seconds: float | None = Field(default=None, gt=0)


class Resume(Wish):
    """Resume one repository or all."""

    repository: str | None = None


class Survey(Wish):
    """Look at the working tree at `path`, as the daemon's machine names it, and at its remote with `credential`."""

    path: str
    branch: str | None = None
    credential: str | None = None


class Hold(Wish):
    """Hold or release the first pushes of the working tree at `path`; `branch`: of this one, not of the current."""

    path: str
    branch: str | None = None


class Audit(Wish):
    """Which records of the audit log; times are RFC 3339, a day, or `7d` for so long ago."""

    action: str | None = None
    repository: str | None = None
    actor: str | None = None
    since: str | None = None
    until: str | None = None
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=10_000)
