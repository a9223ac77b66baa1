"""What is wrong with a settings file, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gitferry.config.errors import GitferryError


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault; line and column count from 1, and are 1:1 where the whole file is meant."""

    file: Path
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class SettingsError(GitferryError):
    """The settings file cannot be used. Below its first line the title holds a line for every fault, in order."""

    def __init__(self, faults: Iterable[Fault], hint: str = "") -> None:
        self.faults = tuple(sorted(set(faults)))
        files = ", ".join(dict.fromkeys(str(each.file) for each in self.faults))
        number = "a fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__("\n".join([f"{files} has {number}", *map(str, self.faults)]), hint)


class NoSettingsFile(SettingsError):
    """There is no settings file at all."""

    def __init__(self, file: Path, hint: str) -> None:
        super().__init__([Fault(file, 1, 1, "there is no such file (gitferry init writes one)")], hint)
        self.title = f"there is no settings file {file}"
