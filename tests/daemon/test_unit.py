"""The systemd unit: its text reads back as it was meant, systemd finds no fault in it, and only ours is replaced."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from gitferry.daemon import unit
from gitferry.daemon.unit import Scope, Service

REQUIRED = os.environ.get("CI") == "true"
PLACES = ["/opt/gitferry/bin", "/opt/my programs/%h/$HOME", "/opt/übersicht;x"]


def lines(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        (pytest.fail if REQUIRED else pytest.skip)("no systemd-analyze: apt-get install systemd")
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)


def verified(path: Path, scope: Scope) -> str:
    """What `systemd-analyze verify` has to say: nothing, if all is well."""
    done = analyze(f"--{scope}", "verify", str(path))
    return done.stderr + (f"exit code {done.returncode}" if done.returncode else "")


@pytest.mark.parametrize("scope", ["user", "system"])
@pytest.mark.parametrize("place", PLACES)
def test_systemd_finds_no_fault(tmp_path: Path, runtime_directory: Path, place: str, scope: Scope) -> None:
    program = Path(f"{tmp_path}{place}/gitferry")
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    file = tmp_path / unit.NAME
    environment = (("GITFERRY_STATE_DIR", f"{place}/state"), ("PATH", "/opt/git/bin:/usr/bin"))
    unit.write(file, unit.text(Service(scope, program, Path(f'{place}/"my" \\config.yaml'), environment)))
    assert verified(file, scope) == ""


def test_a_fault_would_be_seen(tmp_path: Path) -> None:
    file = tmp_path / unit.NAME
    file.write_text("[Service]\nType=notify\nExecStart=/nonexistent/gitferry run\nStateDirektory=x\n")
    assert "StateDirektory" in verified(file, "system")


def test_the_users_unit(home: Path) -> None:
    text = unit.text(unit.service("user", Path("/usr/bin/gitferry"), None, {"HOME": str(home), "PATH": "/usr/bin"}))
    found = lines(text)
    assert found["Type"] == ["notify"]
    assert found["ExecStart"] == ["/usr/bin/gitferry run"]
    assert found["Environment"] == [f"GITFERRY_STATE_DIR={home}/.local/state/gitferry"]
    assert found["Restart"] == ["on-failure"]
    assert found["TimeoutStopSec"] == ["10"]
    assert found["WatchdogSec"] == ["2min"]
    assert found["ExecReload"] == ['/bin/sh -c "kill -HUP $MAINPID"', "/usr/bin/gitferry service reload"]
    assert found["KillSignal"] == ["SIGTERM"]
    assert found["WantedBy"] == ["default.target"]
    assert "%" not in text
    # What a user's manager cannot do, or what would hide agents and trees.
    for word in ("StateDirectory", "LoadCredential", "User=", "Protect", "Private", "CapabilityBoundingSet"):
        assert word not in text


def test_the_systems_unit() -> None:
    found = lines(unit.text(unit.service("system", Path("/usr/bin/gitferry"), None, {"HOME": "/root"})))
    assert found["StateDirectory"] == found["RuntimeDirectory"] == ["gitferry"]
    assert found["StateDirectoryMode"] == found["RuntimeDirectoryMode"] == ["0700"]
    assert found["User"] == ["root"]
    assert found["LoadCredentialEncrypted"] == ["gitferry-vault-key", "gitferry-vault-key-next"]
    assert found["WantedBy"] == ["multi-user.target"]
    assert "Environment" not in found


@pytest.mark.parametrize("account", ["root", "ada"])
def test_what_the_system_finds_of_its_exposure(tmp_path: Path, account: str) -> None:
    file = tmp_path / unit.NAME
    unit.write(file, unit.text(Service("system", Path("/bin/true"), account=account)))
    done = analyze("security", "--offline=yes", "--threshold=40", "--no-pager", str(file))
    assert done.returncode == 0, done.stdout
    assert "OK" in done.stdout.splitlines()[-1]


def test_nothing_hides_agents_or_trees() -> None:
    for account in ("root", "ada"):
        text = unit.text(Service("system", Path("/usr/bin/gitferry"), account=account))
        for word in ("ProtectHome", "PrivateTmp", "PrivateUsers", "PrivateNetwork", "UMask", "RestrictSUIDSGID"):
            assert f"\n{word}=" not in text
        assert "ProtectSystem=strict" not in text


def test_a_service_of_an_account_is_given_the_systems_settings(tmp_path: Path) -> None:
    environ = {"HOME": "/root"}
    program = Path("/usr/bin/gitferry")
    wanted = unit.service("system", program, None, environ, "ada")
    text = unit.text(wanted)
    found = lines(text)
    assert found["User"] == ["ada"]
    assert found["ExecStart"] == ["/usr/bin/gitferry --config /etc/gitferry/config.yaml run"]
    assert found["CapabilityBoundingSet"] == [""]
    assert unit.service("system", program, tmp_path / "x.yaml", environ, "ada").settings == tmp_path / "x.yaml"
    assert unit.service("system", program, None, environ).settings is None


def test_what_a_unit_says_reads_back(tmp_path: Path) -> None:
    settings = tmp_path / "100% of $HOME" / "config.yaml"
    text = unit.text(Service("system", Path("/opt/a b/gitferry"), settings, account="ada"))
    assert unit.started_by(text)[0] == "/opt/a b/gitferry"
    assert unit.settings_of(text) == settings
    assert unit.account_of(text) == "ada"
    plain = unit.text(Service("user", Path("/usr/bin/gitferry")))
    assert (unit.settings_of(plain), unit.account_of(plain)) == (None, "root")


def test_settings_that_were_named_are_written_down(home: Path, tmp_path: Path) -> None:
    environ = {"HOME": str(home)}
    program = Path("/usr/bin/gitferry")
    assert unit.service("user", program, None, environ).settings is None
    assert unit.service("user", program, Path("/etc/x.yaml"), environ).settings == Path("/etc/x.yaml")
    named = environ | {"GITFERRY_CONFIG": "/srv/config.yaml"}
    assert unit.service("user", program, None, named).settings == Path("/srv/config.yaml")
    usual = environ | {"XDG_CONFIG_HOME": f"{home}/.config"}
    assert unit.service("user", program, None, usual).settings is None
    elsewhere = environ | {"XDG_CONFIG_HOME": str(tmp_path)}
    assert unit.service("user", program, None, elsewhere).settings == tmp_path / "gitferry" / "config.yaml"


def test_relative_settings_become_absolute(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = unit.service("user", Path("/usr/bin/gitferry"), Path("mine.yaml"), {"HOME": str(home)})
    assert found.settings == tmp_path / "mine.yaml"


def test_a_git_that_the_manager_would_not_find_is_put_on_its_path(tmp_path: Path) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\n")
    git.chmod(0o755)
    given = dict(unit.service("user", Path("/g"), None, {"HOME": "/home/a", "PATH": str(tmp_path)}).environment)
    assert given["PATH"].split(":")[0] == str(tmp_path)
    assert "/usr/bin" in given["PATH"].split(":")


@pytest.mark.parametrize("word", ["plain", "two words", 'q"uote', "back\\slash", "it's", "semi;colon"])
def test_quoted_words_read_back(word: str) -> None:
    assert shlex.split(unit.quoted(word)) == [word]


def test_what_systemd_would_expand_is_doubled() -> None:
    assert unit.quoted("100% of $HOME", argument=True) == '"100%% of $$HOME"'
    assert unit.quoted("100% of $HOME") == '"100%% of $HOME"'
    assert unit.quoted("a\nb") == '"a\\x0ab"'
    assert unit.quoted(os.fsdecode(b"\xff")) == '"\\xff"'


def test_a_unit_of_someone_else_stays(tmp_path: Path) -> None:
    file = tmp_path / unit.NAME
    file.write_text("[Service]\nExecStart=/bin/true\n")
    with pytest.raises(unit.NotOurUnit):
        unit.write(file, "new")
    with pytest.raises(unit.NotOurUnit):
        unit.remove(file)
    assert file.read_text() == "[Service]\nExecStart=/bin/true\n"


@pytest.mark.parametrize("target", ["/dev/null", "/nonexistent/unit"])
def test_a_masked_unit_stays(tmp_path: Path, target: str) -> None:
    file = tmp_path / unit.NAME
    file.symlink_to(target)
    with pytest.raises(unit.NotOurUnit):
        unit.write(file, "new")
    assert file.readlink() == Path(target)


def test_writing_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    file = tmp_path / "systemd" / "user" / unit.NAME
    text = unit.text(Service("user", Path("/usr/bin/gitferry")))
    assert unit.write(file, text)
    assert not unit.write(file, text)
    assert file.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in file.parent.iterdir()] == [unit.NAME]
    wants = file.parent / "default.target.wants"
    wants.mkdir()
    (wants / unit.NAME).symlink_to(file)
    assert unit.remove(file)
    assert not unit.remove(file)
    assert list(wants.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "systemd").write_text("a file where a directory belongs\n")
    with pytest.raises(unit.UnitNotWritable):
        unit.write(tmp_path / "systemd" / unit.NAME, "text")


@pytest.mark.parametrize("place", ['/opt/"a"', "/opt/it's", "/opt/back\\slash", "/opt/line\nend"])
def test_a_program_that_systemd_would_not_start(place: str) -> None:
    with pytest.raises(unit.UnstartableProgram):
        unit.service("user", Path(place, "gitferry"), None, {"HOME": "/home/a"})
