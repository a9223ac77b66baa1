"""Doctor, on real repositories that are well, and on such that have each fault it knows."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitferry.config.model import Pushback, Repository, SshKeyAuth
from gitferry.daemon import checkup_machine as machine
from gitferry.daemon import checkup_repository, systemctl, unit
from gitferry.daemon import checkup_service as service
from gitferry.daemon.doctor import examine
from gitferry.daemon.finding import Check
from gitferry.pushback.host import Host
from gitferry.tests import signers
from gitferry.tests.daemon.cli.conftest import COMMAND
from gitferry.tests.repo import Repo


@pytest.fixture
def examined(tmp_path: Path) -> Callable[..., dict[str, Check]]:
    """`examined(repo, ...)` is every finding by name; of several of one name the worst."""

    def run(*repositories: Repo, status: dict[str, Any] | None = None, **more: Any) -> dict[str, Check]:
        rows = [{"name": each.root.name, "path": str(each.root)} | more for each in repositories]
        settings = tmp_path / "config.yaml"
        settings.write_text(json.dumps({"version": 1, "repositories": rows}))
        worst: dict[str, Check] = {}
        for check in examine(settings, os.environ, status):
            before = worst.get(check.name)
            if before is None or ("ok", "warn", "fail").index(check.level) > ("ok", "warn", "fail").index(before.level):
                worst[check.name] = check
        return worst

    return run


Examined = Callable[..., dict[str, Check]]
Clone = Callable[..., Repo]


def test_all_is_well(examined: Examined, clone: Clone) -> None:
    found = examined(clone("work"))
    assert {name for name, check in found.items() if check.level == "fail"} == set()
    assert {check.level for check in found.values() if check.repository == "work"} == {"ok"}
    assert {"git", "libgit2", "settings", "state", "socket", "inotify", "disk", "daemon", "unit"} <= found.keys()
    assert {"tree", "identity", "upstream", "remote", "crossing"} <= found.keys()
    assert found["remote"].repository == "work"
    assert found["daemon"].level == "warn"


def test_every_wrong_line_has_a_remedy(examined: Examined, clone: Clone) -> None:
    repo = clone("work")
    repo.git("remote", "remove", "origin")
    assert all(check.remedy for check in examined(repo).values() if check.level != "ok")
    with pytest.raises(ValueError, match="remedy"):
        Check("x", "warn", "something")


def test_looking_changes_nothing(examined: Examined, clone: Clone) -> None:
    repo = clone("work")
    repo.write("notes.txt", "not committed\n")
    before = (repo.refs(), repo.staged(), repo.status(), (repo.root / ".git" / "config").read_bytes())
    examined(repo)
    assert (repo.refs(), repo.staged(), repo.status(), (repo.root / ".git" / "config").read_bytes()) == before


def test_settings_with_a_fault(tmp_path: Path) -> None:
    settings = tmp_path / "config.yaml"
    settings.write_text("version: 1\nrepositries: []\n")
    found = {check.name: check for check in examine(settings, os.environ, None)}
    assert found["settings"].level == "fail"
    assert "repositories" in found["settings"].what


def test_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, examined: Examined, clone: Clone) -> None:
    repo = clone("work")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = examined(repo)
    assert found["git"].level == "fail"
    assert "install git" in found["git"].remedy
    assert "tree" not in found


def test_an_old_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\necho git version 2.20.1\n")
    git.chmod(0o755)
    check = machine.git({"PATH": str(tmp_path)})
    assert check.level == "fail"
    assert "2.20.1" in check.what


def test_the_tree_is_gone(examined: Examined, clone: Clone, tmp_path: Path) -> None:
    repo = clone("work")
    repo.root.rename(tmp_path / "elsewhere")
    assert examined(repo)["tree"].level == "fail"


def test_no_remote_and_no_upstream(examined: Examined, clone: Clone) -> None:
    repo = clone("work")
    repo.git("branch", "--unset-upstream")
    found = examined(repo)["upstream"]
    assert (found.level, found.remedy) == ("fail", "git push -u origin main")
    repo.git("remote", "remove", "origin")
    assert examined(repo)["upstream"].remedy == "git remote add origin URL"


def test_a_detached_head_waits(examined: Examined, clone: Clone) -> None:
    repo = clone("work")
    repo.git("switch", "--quiet", "--detach")
    found = examined(repo)
    assert found["tree"].level == "warn"
    assert found["crossing"].level == "warn"


def test_nobody_to_commit_as(examined: Examined, clone: Clone, home: Path) -> None:
    repo = clone("work")
    (home / ".gitconfig").write_text("[init]\n\tdefaultBranch = main\n")
    found = examined(repo)["identity"]
    assert found.level == "fail"
    assert "user.email" in found.remedy


def test_a_remote_that_is_offline_is_no_failure(examined: Examined, clone: Clone) -> None:
    repo = clone("work")
    repo.git("remote", "set-url", "origin", "http://127.0.0.1:9/tasks.git")
    assert examined(repo)["remote"].level == "warn"


def test_a_remote_that_is_gone_is_one(examined: Examined, clone: Clone, remote: Repo, tmp_path: Path) -> None:
    repo = clone("work")
    remote.root.rename(tmp_path / "elsewhere.git")
    assert examined(repo)["remote"].level == "fail"


def test_a_remote_without_the_branch(examined: Examined, clone: Clone, remote: Repo) -> None:
    repo = clone("work")
    remote.git("branch", "--move", "main", "trunk")
    found = examined(repo)["remote"]
    assert (found.level, found.remedy) == ("warn", "git push -u origin main")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("remote.origin.mirror", "true"),
        ("remote.origin.push", "+refs/*:refs/*"),
        ("remote.origin.push", "refs/gitferry/base/main"),
        ("remote.origin.fetch", "+refs/*:refs/*"),
    ],
)
def test_private_refs_that_would_be_published_or_lost(examined: Examined, clone: Clone, key: str, value: str) -> None:
    repo = clone("work")
    assert "refs" not in examined(repo)
    repo.git("config", "--add", key, value)
    assert examined(repo)["refs"].level == "warn"


def test_private_refs_that_were_published(examined: Examined, clone: Clone) -> None:
    repo = clone("work")
    repo.push("origin", "HEAD:refs/gitferry/base/main")
    found = examined(repo)["refs"]
    assert found.level == "warn"
    repo.git(*found.remedy.split()[1:])
    assert "refs" not in examined(repo)


def test_hooks_that_are_skipped(examined: Examined, clone: Clone) -> None:
    repo = clone("work")
    repo.hook("post-checkout", "exit 0")
    assert "hooks" not in examined(repo)
    repo.hook("pre-commit", "exit 1")
    assert "pre-commit" in examined(repo)["hooks"].what


@pytest.mark.parametrize("secret", ["me:hunter2hunter2@", "ghp_0123456789abcdefghijABCDEFGHIJ012345@"])
def test_a_secret_in_a_url(examined: Examined, clone: Clone, secret: str) -> None:
    repo = clone("work")
    repo.git("remote", "add", "forge", f"https://{secret}git.example.org/tasks.git")
    found = examined(repo)["url"]
    assert found.level == "warn"
    assert secret.rpartition(":")[2].strip("@") not in found.what + found.remedy
    assert "git remote set-url forge https://git.example.org/tasks.git" in found.remedy


def test_a_secret_in_the_clear(examined: Examined, clone: Clone) -> None:
    repo = clone("work")
    repo.git("remote", "add", "forge", "http://me:hunter2@git.example.org/tasks.git")
    assert examined(repo)["url"].level == "fail"


def test_a_user_name_in_a_url_is_fine(examined: Examined, clone: Clone) -> None:
    repo = clone("work")
    repo.git("remote", "add", "forge", "ssh://git@git.example.org/tasks.git")
    assert "url" not in examined(repo)


def test_a_commit_from_the_future(examined: Examined, clone: Clone) -> None:
    repo = clone("work")
    repo.write("notes.txt", "later\n")
    repo.git("add", "notes.txt")
    repo.git("commit", "--quiet", "-m", "later", env={"GIT_COMMITTER_DATE": "2099-01-01T00:00:00Z"})
    repo.push()
    assert examined(repo)["clock"].level == "warn"


def test_a_running_daemon_is_believed(examined: Examined, clone: Clone) -> None:
    repo = clone("work")
    row = {"name": "work", "waiting_for": None, "last_error": "the disk is full", "hint": "free some space"}
    daemon = {"running": True, "version": "0.0.1", "settings_error": None, "pid": 1, "settings_path": "", "notes": []}
    status = {"daemon": daemon, "repositories": [row | {"conflicts": 0, "watching": "all"}]}
    found = examined(repo, status=status)
    assert (found["crossing"].level, found["crossing"].remedy) == ("fail", "free some space")
    assert "version 0.0.1" in found["daemon"].what
    status["daemon"] = daemon | {"settings_error": "config.yaml:1:1: wrong"}
    assert examined(repo, status=status)["daemon"].level == "fail"


# -- the machine


def test_libgit2_is_new_enough() -> None:
    assert machine.libgit2().level == "ok"


def test_the_state_directory_is_the_owners_alone(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    environ = {"GITFERRY_STATE_DIR": str(directory)}
    assert [check.level for check in machine.state(environ)] == ["ok"]
    directory.mkdir(mode=0o700)
    (directory / "gitferry.db").touch(0o600)
    assert [check.level for check in machine.state(environ)] == ["ok"]
    (directory / "note").touch(0o644)
    (directory / "note").chmod(0o644)
    assert [check.level for check in machine.state(environ)] == ["warn"]
    (directory / "gitferry.db").chmod(0o644)
    assert [check.level for check in machine.state(environ)] == ["warn"]
    (directory / "vault.lock").touch(0o600)  # there was a vault
    (found,) = machine.state(environ)
    assert (found.level, found.remedy) == ("fail", f"chmod -R go= {directory}"), "the daemon does not start"
    subprocess.run(found.remedy.split(), check=True)
    assert [check.level for check in machine.state(environ)] == ["ok"]


def test_a_file_in_place_of_the_state_directory(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    assert [check.level for check in machine.state({"GITFERRY_STATE_DIR": f"{tmp_path}/state"})] == ["fail"]


def test_crash_reports_are_named(tmp_path: Path) -> None:
    (tmp_path / "crashes").mkdir(mode=0o700)
    (tmp_path / "crashes" / "crash-0123.txt").touch(0o600)
    tmp_path.chmod(0o700)
    found = {check.name: check for check in machine.state({"GITFERRY_STATE_DIR": str(tmp_path)})}
    assert "crash-0123.txt" in found["crashes"].what


def test_a_socket_path_that_is_too_long(tmp_path: Path) -> None:
    assert machine.socket({"GITFERRY_RUNTIME_DIR": f"{tmp_path}/{'x' * 100}"}).level == "fail"
    assert machine.socket({"GITFERRY_RUNTIME_DIR": "/tmp/x"}).level == "ok"


def limits(directory: Path, watches: int, instances: int = 128) -> Path:
    (directory / "max_user_watches").write_text(f"{watches}\n")
    (directory / "max_user_instances").write_text(f"{instances}\n")
    return directory


def test_inotify_limits(tmp_path: Path) -> None:
    assert machine.inotify(700, running=True, limits=limits(tmp_path, 1000)).level == "ok"
    few = machine.inotify(800, running=True, limits=limits(tmp_path, 1000))
    assert few.level == "warn"
    assert "fs.inotify.max_user_watches=524288" in few.remedy
    assert machine.inotify(1, running=True, limits=tmp_path / "none").level == "ok"


def test_directories_are_counted_as_they_are_watched(examined: Examined, clone: Clone) -> None:
    repo = clone("work")
    few = examined(repo)["inotify"].what
    for number in range(5):
        repo.write(f"node_modules/package-{number}/index.js", "ignored\n")
    assert examined(repo)["inotify"].what == few
    repo.write("tasks/new/one/notes.txt", "counted\n")
    assert examined(repo)["inotify"].what != few


def test_a_file_system_is_named_once(tmp_path: Path) -> None:
    places = [tmp_path / "a", tmp_path / "b" / "c", tmp_path]
    assert len(list(machine.disks(places))) == 1


# -- the service


def test_a_unit_whose_program_is_gone(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "gitferry"
    path = unit.place("user", os.environ)
    unit.write(path, unit.text(unit.service("user", program, None, os.environ)))
    found = next(service.unit(os.environ))
    assert (found.level, found.remedy) == ("fail", "gitferry service install")
    assert str(program) in found.what
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert next(service.unit(os.environ)).level == "warn"


def test_lingering_is_a_file_of_logind(tmp_path: Path) -> None:
    assert not systemctl.lingers("ada", tmp_path)
    (tmp_path / "ada").touch()
    assert systemctl.lingers("ada", tmp_path)


def test_credentials_in_settings_that_others_can_read(tmp_path: Path) -> None:
    settings = tmp_path / "config.yaml"
    auth = {"type": "git_token", "token": "not-a-real-token"}
    row = {"path": str(tmp_path / "work"), "url": "https://git.example.org/tasks.git", "auth": auth}
    settings.write_text(json.dumps({"version": 1, "repositories": [row]}))
    settings.chmod(0o644)
    assert [check.what for check in service.settings(settings, os.environ)[1] if "other users" in check.what]
    settings.chmod(0o600)
    assert not [check.what for check in service.settings(settings, os.environ)[1] if "other users" in check.what]


def test_settings_that_are_not_acted_on_yet(tmp_path: Path, clone: Clone) -> None:
    repo = clone("work")
    settings = tmp_path / "config.yaml"
    row = {"path": str(repo.root), "pushback": {"pr_template": "mine"}}
    settings.write_text(json.dumps({"version": 1, "repositories": [row]}))
    checks = [check for check in service.settings(settings, os.environ)[1] if "not acted on yet" in check.what]
    assert [check.what.partition(":")[0] for check in checks] == ["repositories.work.pushback.pr_template"]
    assert all(check.level == "warn" for check in checks)
    answer = {"settings_error": None, "version": "1", "pid": 1, "notes": [checks[0].what]}
    assert service.daemon(answer, "1").level == "warn"
    assert service.daemon(answer, "1", {checks[0].what}).level == "ok"


@pytest.mark.server
def test_signed_commits(examined: Examined, clone: Clone, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = clone("work")
    assert "sign" not in examined(repo)
    repo.git("config", "commit.gpgsign", "true")
    repo.git("config", "gpg.format", "ssh")
    assert (examined(repo)["sign"].level, "no key is named" in examined(repo)["sign"].what) == ("fail", True)
    signers.ssh_key(home / "plain")
    signers.ssh_key(home / "locked", signers.PASSPHRASE)
    repo.git("config", "user.signingKey", str(home / "plain"))
    before = (repo.refs(), repo.git("count-objects"))
    assert examined(repo)["sign"] == Check(
        "sign", "ok", f"commits are signed (ssh) with your signing key {home}/plain", repository="work"
    )
    repo.git("config", "user.signingKey", str(home / "locked"))
    locked = examined(repo)["sign"]
    assert (locked.level, f"{home}/locked is locked" in locked.what) == ("warn", True)
    assert f"ssh-add {home}/locked" in locked.remedy
    assert (repo.refs(), repo.git("count-objects")) == before
    assert "`sign: never`" in examined(repo, pushback={"sign": "never"})["sign"].what
    program = home / "signer"
    program.write_text(f"#!/bin/sh\ntouch {home}/ran\n")
    program.chmod(0o755)
    repo.git("config", "--global", "gpg.ssh.program", str(program))
    assert "was not tried" in examined(repo)["sign"].what
    repo.git("config", "gpg.ssh.program", f"{program}-of-another")
    assert "only this repository names it" in examined(repo)["sign"].what
    assert not (home / "ran").exists()


def test_who_signs_with_ssh_needs_the_agent_too(clone: Clone) -> None:
    repo = clone("work")
    host = Host(environ=dict(os.environ))
    settings = Repository(name="work", path=repo.root)
    assert not checkup_repository.uses_ssh(settings, host)
    repo.git("config", "commit.gpgsign", "true")
    repo.git("config", "gpg.format", "ssh")
    assert checkup_repository.uses_ssh(settings, host)
    assert not checkup_repository.uses_ssh(settings.model_copy(update={"pushback": Pushback(sign="never")}), host)


def test_an_interrupt_does_not_wait_for_a_silent_remote(clone: Clone, tmp_path: Path) -> None:
    work = clone("work")
    file = tmp_path / "config.yaml"
    file.write_text(f"version: 1\nrepositories:\n  - path: {work.root}\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        work.git("remote", "set-url", "origin", f"git://127.0.0.1:{silent.getsockname()[1]}/none.git")
        with subprocess.Popen([*COMMAND, "--config", str(file), "doctor"]) as process:
            silent.settimeout(30)
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130  # the silence alone would end it with 1
            connection.close()


def test_the_verb(clone: Clone, tmp_path: Path) -> None:
    repo = clone("work")
    settings = tmp_path / "config.yaml"
    settings.write_text(json.dumps({"version": 1, "repositories": [{"path": str(repo.root)}]}))
    command = [sys.executable, "-c", "import sys; from gitferry.daemon.cli.main import main; sys.exit(main())"]
    done = subprocess.run(
        [*command, "--config", str(settings), "doctor", "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    checks = json.loads(done.stdout)["checks"]
    assert {"name", "level", "what", "remedy", "repository"} == checks[0].keys()
    repo.git("branch", "--unset-upstream")
    done = subprocess.run([*command, "--config", str(settings), "doctor"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "→ git push -u origin main" in done.stdout


def test_who_cannot_be_told_of_what_needs_a_person() -> None:
    rows = [
        {"to": "desktop", "fault": "there is no session bus", "hint": "use a webhook"},
        {"to": "webhook at hooks.example.org", "fault": "it answers 503", "hint": None},
        {"to": "webhook at other.example.org", "fault": None, "hint": None},
    ]
    found = list(service.notifications({"notifications": rows}))
    assert [(each.level, each.remedy) for each in found] == [
        ("warn", "use a webhook"),
        ("warn", "it is tried again by itself, for a day"),
        ("ok", ""),
    ]
    assert found[0].what == "desktop could not be told: there is no session bus"
    assert list(service.notifications(None)) == list(service.notifications({})) == []


def test_programs_that_repositories_need(clone: Clone, remote: Repo, tmp_path: Path) -> None:
    repo = clone("work")
    settings = Repository(name="work", path=repo.root)
    environ = {name: value for name, value in os.environ.items() if name != "GIT_SSH_COMMAND"}
    host = Host(environ=environ)
    assert checkup_repository.programs(settings, host) == frozenset()
    repo.write(".gitattributes", "*.bin filter=lfs\n")
    repo.git("remote", "set-url", "origin", "ssh://git@example.org/x.git")
    needed = checkup_repository.programs(settings, host)
    assert needed == {"ssh", "git-lfs"}
    bare = tmp_path / "bin"
    bare.mkdir()
    assert {check.level for check in machine.programs(needed, {"PATH": str(bare)})} == {"fail"}
    assert all(check.remedy.startswith("install ") for check in machine.programs(needed, {"PATH": str(bare)}))
    (bare / "ssh").symlink_to("/bin/true")
    assert [check.level for check in machine.programs({"ssh"}, {"PATH": str(bare)})] == ["ok"]
    (found,) = machine.programs({"git-remote-https"}, os.environ)
    assert found.what.startswith("git-remote-https, /")


def test_an_ssh_of_the_users_own_choice_needs_no_other(clone: Clone) -> None:
    repo = clone("work")
    repo.git("remote", "set-url", "origin", "ssh://git@example.org/x.git")
    repo.git("config", "core.sshCommand", "/opt/their/ssh -4")
    host = Host(environ={name: value for name, value in os.environ.items() if name != "GIT_SSH_COMMAND"})
    settings = Repository(name="work", path=repo.root)
    assert checkup_repository.programs(settings, host) == frozenset()
    with_key = settings.model_copy(update={"auth": SshKeyAuth(type="ssh_key", path=Path("key"))})
    assert checkup_repository.programs(with_key, host) == {"ssh"}


def test_a_clock_that_is_behind_and_one_that_nothing_keeps(tmp_path: Path) -> None:
    assert machine.clock({"PATH": str(tmp_path)}, now=0.0).level == "fail"
    assert machine.clock({"PATH": str(tmp_path)}).level == "ok"
    program = tmp_path / "timedatectl"
    for said, level in (("yes", "ok"), ("no", "warn"), ("", "ok")):
        program.write_text(f"#!/bin/sh\necho {said}\n")
        program.chmod(0o755)
        assert machine.clock({"PATH": str(tmp_path)}).level == level
