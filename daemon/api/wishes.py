"""What a request's body may ask for; anything else in it is refused by name."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Wish(BaseModel):
    """A body that knows its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Push(Wish):
    """Push these tasks (ids, names or paths), or all that wait."""

    tasks: tuple[str, ...] = ()
    all: bool = False
    message: str | None = None
    dry_run: bool = False


class Message(Wish):
    """The commit message of a push, instead of the template's."""

    message: str | None = None


class Repositories(Wish):
    """Cross these repositories; none named means all."""

    repositories: tuple[str, ...] = ()


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
    """Look at the working tree at `path`, as the daemon's machine names it."""

    path: str
    branch: str | None = None


class Hold(Wish):
    """Hold or release the first pushes of the working tree at `path`; `branch`: of this one, not of the current."""

    path: str
    branch: str | None = None
