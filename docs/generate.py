"""Writes the pages of docs/ that are made from the code; with `--check` it only tells which are stale."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
ROOMS = ("config", "security", "store", "repos", "pushback", "daemon")
MADE = "<!-- Made by `make docs`; edits here are overwritten. -->\n\n"
SOURCE_MAP = """\
# Where to start

A line a module, rooms in the order in which they may import: a room knows those above it and none below.
To follow one save through the house, read `repos/watch.py`, `daemon/lanes.py`, `pushback/crossing.py`,
`pushback/plan.py`, `pushback/carry.py` and `repos/transport.py`, in that order. Decisions and their reasons are in
[adr/](adr/).
"""
COMMANDS = """\
# Commands

What `gitferry VERB --help` says. Exit codes: 0 done, or nothing to do; 1 a failure that the message explains;
2 wrong usage; 3 a fault of gitferry, whose crash file is named; 4 done in part (a task or a repository is in
conflict, failed or waiting, and named); 130 interrupted.
"""


def first_line(path: Path) -> str:
    """The first line of a module's docstring; empty where it has none."""
    text = ast.get_docstring(ast.parse(path.read_bytes())) or ""
    return text.strip().split("\n")[0]


def source_map() -> str:
    """The page that lists every module of the rooms with what it says of itself."""
    lines = [MADE + SOURCE_MAP]
    for room in ROOMS:
        lines.append(f"## {room}/\n\n{first_line(ROOT / room / '__init__.py')}\n")
        for path in sorted((ROOT / room).rglob("*.py")):
            if path.name != "__init__.py":
                lines.append(f"- `{path.relative_to(ROOT)}`: {first_line(path)}")
        lines.append("")
    return "\n".join(lines)


def settings() -> str:
    """The reference of every key of the settings file."""
    from gitferry.config.reference import markdown

    return markdown()


def commands() -> str:
    """The reference of every verb of the command line."""
    from gitferry.daemon.cli.main import cli

    root = click.Context(cli, info_name="gitferry", terminal_width=80)
    parts = [MADE + COMMANDS, *(f"## {name}\n\n```\n{text}\n```\n" for name, text in helps(cli, root))]
    return "\n".join(parts)


def helps(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Name and help of a command and of every command below it, hidden ones left out."""
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in sorted(command.list_commands(context)):
            child = command.get_command(context, name)
            if child and not child.hidden:
                yield from helps(child, click.Context(child, parent=context, info_name=name))


PAGES: dict[str, Callable[[], str]] = {
    "source-map.md": source_map,
    "settings.md": settings,
    "commands.md": commands,
}


def main(arguments: list[str]) -> int:
    """The exit code: 1 where `--check` finds a page that is not what the code says."""
    stale = []
    for name, make in PAGES.items():
        page, text = DOCS / name, make()
        if page.is_file() and page.read_text(encoding="utf-8") == text:
            continue
        stale.append(f"docs/{name}")
        if "--check" not in arguments:
            page.write_text(text, encoding="utf-8")
    if "--check" in arguments and stale:
        print(f"stale: {', '.join(stale)} (make docs)")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
