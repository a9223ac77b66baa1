"""The command itself: verbs and options are found, and every ending has its exit code."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from gitferry.config.paths import state_dir
from gitferry.daemon.cli import context
from gitferry.daemon.cli.main import VERBS, cli, main
from gitferry.tests.daemon.cli.conftest import COMMAND
from gitferry.tests.repo import Repo


def every_command() -> list[tuple[str, click.Command]]:
    ctx = click.Context(cli, info_name="gitferry")
    found = []
    for name in VERBS:
        command = cli.get_command(ctx, name)
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {each}", inner) for each, inner in command.commands.items()]
    return found


def test_alone_it_prints_its_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    said = "".join(capfd.readouterr())
    assert all(f"  {verb}" in said for verb in VERBS)
    assert main(["--help"]) == 0
    assert "--config FILE" in capfd.readouterr().out


def test_every_verb_has_a_short_help_that_fits_a_line() -> None:
    for name, command in every_command():
        short = command.get_short_help_str(limit=400)
        assert short and len(short) <= 64, name
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, f"{name} {parameter.name}"


def test_every_verb_takes_the_common_options() -> None:
    for name, command in every_command():
        taken = {option for parameter in command.params for option in parameter.opts}
        assert {"--json", "--config", "-v"} <= taken, name


def test_the_version_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capfd.readouterr().out.startswith("gitferry ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stats"], "did you mean 'status'?"),
        (["--nonsense"], "--nonsense"),
        (["status", "--nonsense"], "--nonsense"),
        (["pause", "--for", "soon"], "90s, 5m, 2h or 1d"),
        (["pause", "--for", "0s"], "no time"),
        (["push", "task"], "Missing argument"),
        (["completion", "tcsh"], "tcsh"),
    ],
)
def test_wrong_usage_is_code_2(arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert said in capfd.readouterr().err


def raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine fail as no real one should be able to."""

    def control(self: context.Context) -> context.Verbs:
        raise error

    monkeypatch.setattr(context.Context, "control", control)


def test_a_fault_of_ours_is_code_3_and_leaves_a_private_report(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    raising(RuntimeError("https://ada:sesame@example.org failed"), monkeypatch)
    assert main(["tasks"]) == 3
    said = capfd.readouterr().err
    (report,) = (state_dir(os.environ) / "crashes").iterdir()
    assert str(report) in said
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert stat.S_IMODE(state_dir(os.environ).stat().st_mode) == 0o700
    text = report.read_text()
    assert "RuntimeError" in text and "gitferry tasks" in text
    assert "sesame" not in text + said


def test_a_report_that_cannot_be_written_is_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GITFERRY_STATE_DIR", str(tmp_path / "file"))
    raising(RuntimeError("boom"), monkeypatch)
    assert main(["tasks"]) == 3
    assert "Traceback" in capfd.readouterr().err


def test_an_interrupt_is_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    raising(KeyboardInterrupt(), monkeypatch)
    assert main(["tasks"]) == 130


@pytest.mark.usefixtures("no_repositories")
def test_a_real_interrupt_is_code_130_without_a_traceback() -> None:
    with subprocess.Popen(
        [*COMMAND, "status", "--watch", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["repositories"] == []
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "Traceback" not in said


def test_a_reader_that_leaves_is_no_fault() -> None:
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen([*COMMAND, "--version"], stdout=write, stderr=subprocess.PIPE, text=True) as process:
        os.close(write)
        said = process.communicate(timeout=30)[1]
    assert (said, process.returncode) == ("", 1)


def test_a_full_disk_is_no_fault_of_ours() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "no room" in done.stderr


@pytest.mark.parametrize("verb", [["status"], ["run"]])
@pytest.mark.usefixtures("no_repositories")
def test_a_machine_without_certificates_is_told_what_to_install(verb: list[str]) -> None:
    nowhere = {"SSL_CERT_FILE": "/no/such/file", "SSL_CERT_DIR": "/no/such/directory"}
    done = subprocess.run([*COMMAND, *verb], env=os.environ | nowhere, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("error: ") and "ca-certificates" in done.stderr
    assert not (state_dir(os.environ) / "crashes").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_command(shell: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    said = capfd.readouterr().out
    assert "gitferry" in said and "_GITFERRY_COMPLETE" in said


def test_verbs_complete_in_bash() -> None:
    asked = {"_GITFERRY_COMPLETE": "bash_complete", "COMP_WORDS": "gitferry st", "COMP_CWORD": "1"}
    done = subprocess.run([*COMMAND], env=os.environ | asked, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["plain,status"]


def test_settings_that_cannot_be_read_are_a_failure_with_a_remedy(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not wrong usage: the file was named rightly, and reading it is what fails."""
    (tmp_path / "directory.yaml").mkdir()
    assert main(["--config", str(tmp_path / "directory.yaml"), "sync"]) == 1
    said = " ".join(capfd.readouterr().err.split())
    assert "cannot be read" in said
    assert "a file that this user may read" in said


def test_once_verbose_tells_who_was_asked_and_twice_every_git_command(
    no_repositories: Path, clone: Callable[..., Repo], daemon: Callable[[], int]
) -> None:
    repo = clone("work")
    repo.git("remote", "set-url", "origin", "https://ada:canary@127.0.0.1:9/x.git")
    no_repositories.write_text(f"version: 1\nrepositories: [{{path: {repo.root}}}]\n")

    def logged(*words: str) -> str:
        return subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False).stderr

    assert logged("status") == ""
    assert "canary" not in (said := logged("-v", "status", "-v"))
    assert " DEBUG git " in said and f", in {repo.root}" in said
    assert " DEBUG " not in logged("-v", "status")
    assert "canary" not in logged("-vv", "sync")
    pid = daemon()
    assert f"INFO asked the daemon (process {pid}): GET /api/v1/status, answered in " in logged("status", "-v")
