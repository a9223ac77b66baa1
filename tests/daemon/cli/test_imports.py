"""`gitferry status` with a daemon starts fast: it imports click, small parts of the standard library, no more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

HEAVY = {
    *("pydantic", "sqlalchemy", "alembic", "pygit2", "fastapi", "starlette", "uvicorn", "apscheduler", "watchdog"),
    *("ruamel", "yaml", "cryptography", "asyncio", "http.client", "urllib.request", "email", "ssl", "logging"),
    *("subprocess", "importlib.metadata"),
}


def imported(*arguments: str) -> set[str]:
    """Return the names of all modules that the command had imported at its end."""
    code = (
        "import sys; from gitferry.daemon.cli.main import main; code = main(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.usefixtures("no_repositories")
def test_asking_a_daemon_imports_little(daemon: Callable[[], int]) -> None:
    daemon()
    for arguments in (["status"], ["status", "--json"], ["--json", "push", "status"]):
        found = imported(*arguments)
        assert "gitferry.daemon.client" in found, arguments
        assert not HEAVY & found, arguments


def test_help_imports_no_engine() -> None:
    assert not {"pydantic", "sqlalchemy", "pygit2", "fastapi", "apscheduler"} & imported("--help")
