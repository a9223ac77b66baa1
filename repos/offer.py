"""What one git command is given so that it reaches its remote: settings and environment, and no secret in either."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Offer:
    """`config` holds git settings as ``key=value``, `environ` what is added to the environment.

    `explain` is asked what there is to add to the words of a command that failed.
    """

    config: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    explain: Callable[[str], str] | None = None


#: Made anew for each command that talks to a remote, and over when that ends.
Access: TypeAlias = Callable[[], AbstractContextManager[Offer]]
