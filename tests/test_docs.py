"""The documents say what the code does: what is not documented fails here."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import click
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gitferry_docs_generate", ROOT / "docs" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["source-map.md", "settings.md", "commands.md"])
def test_generated_page_is_current(generate: ModuleType, page: str) -> None:
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == generate.PAGES[page](), "make docs"


def test_every_module_is_on_the_map() -> None:
    page = (ROOT / "docs" / "source-map.md").read_text(encoding="utf-8")
    rooms = ("config", "security", "store", "repos", "pushback", "daemon")
    names = [path.relative_to(ROOT) for room in rooms for path in (ROOT / room).rglob("*.py")]
    assert [str(name) for name in names if name.name != "__init__.py" and f"`{name}`: " not in page] == []


def test_every_verb_is_explained(generate: ModuleType) -> None:
    from gitferry.daemon.cli.main import cli

    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    found = dict(generate.helps(cli, click.Context(cli, info_name="gitferry")))
    assert len(found) > 20
    assert [name for name in found if name not in text] == []
    assert [name for name, help in found.items() if len(help.splitlines()) < 3] == []


def test_the_page_of_the_vault_says_what_the_code_does() -> None:
    from gitferry.daemon.cli.credentials import credentials
    from gitferry.daemon.cli.vault import vault
    from gitferry.security import credential, key_credential, key_file, key_sources, passphrase

    page = (ROOT / "docs" / "vault.md").read_text(encoding="utf-8")
    cost = passphrase.Cost()
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert rows == [*key_sources.BY_ITSELF, key_sources.BY_PASSPHRASE]
    named = [*credential.KINDS, key_file.NAME, key_credential.NAME, key_credential.NEXT]
    named += [f"{cost.memory // 1024} MiB, {cost.passes} passes, {cost.lanes} lanes", *credentials.commands]
    named += [f"gitferry vault {verb}" for verb in vault.commands if verb not in ("status", "lock")]
    assert [name for name in named if name not in page] == []
    assert credential.WARNED_BEFORE.days == 14 and "Two weeks before" in page


def test_the_readme_names_the_test_command_that_ci_runs() -> None:
    """`.ci/run` takes the first line of the fenced block after the marker."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.split("<!-- test command -->", 1)[1].split("```", 2)[1]
    command = block.splitlines()[1]
    assert command == "make test"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^test: .*\n\t.* -m pytest ", makefile, re.MULTILINE)


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:`|^|\$ )make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= targets, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [target.split("#")[0] for target in LINK.findall(text) if "://" not in target]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


def test_the_changelog_has_the_version_of_the_package() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[Unreleased\]", changelog, re.MULTILINE)
    assert re.search(r"^### (Added|Changed|Fixed|Removed|Security|Deprecated)$", changelog, re.MULTILINE)


def test_the_shell_scripts_parse() -> None:
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_every_action_of_the_audit_log_is_explained() -> None:
    from gitferry.security.audit_chain import ANCHOR_LOST, CHECKPOINT

    page = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "daemon").rglob("*.py")))
    found = set(re.findall(r'\.record\(\s*"([a-z._]+)"', sources))
    assert {"push", "approval", "settings"} <= found
    assert [action for action in (*sorted(found), ANCHOR_LOST, CHECKPOINT) if f"`{action}`" not in page] == []
