"""Secrets of every kind, used by a running daemon through crossings, refusals, a kill and a crash: found nowhere."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import ExitStack, closing
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import settings

from gitferry.security.login import Login
from gitferry.tests.canary import Watch, forms
from gitferry.tests.integration.canary_household import Household, until
from gitferry.tests.integration.certificates import Authority
from gitferry.tests.integration.servers import HttpServer, SshServer, program
from gitferry.tests.repo import Repo

THOROUGH = settings().max_examples > 1000  # in `make soak`
ROUNDS = 100 if THOROUGH else 2  # of a crossing for each kind, beside those that other things cause
#: What percent-encoding, quotation marks and line formats would each change.
ODD = "c4nary é\"'%+/&<\\"
TELLTALE = """\
exec >&2
env
echo "$HTTP_AUTHORIZATION" | cut -d' ' -f2 | base64 -d
echo refused for it
exit 1"""


def secret() -> bytes:
    """A new one: other tests' processes are looked at too."""
    return f"{ODD}{token_hex(8)}".encode()


def admitted_by_password(web: HttpServer, kind: str) -> Login:
    # A token has no user name of its own, and git is told this one.
    user = f"user-{token_hex(4)}" if kind == "basic" else "git"
    login = Login("basic" if kind == "basic" else "token", secret(), user if kind == "basic" else None)
    with (web.directory / "users").open("ab") as users:
        users.write(user.encode() + b":" + login.secret + b"\n")
    return login


def admitted_by_key(server: SshServer, directory: Path, passphrase: bytes = b"") -> Login:
    file = directory / "key"
    words = [program("ssh-keygen"), "-q", "-t", "ed25519", "-N", passphrase.decode(), "-C", "k", "-f", str(file)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    with (server.directory / "authorized_keys").open("a") as keys:
        keys.write("restrict " + file.with_suffix(".pub").read_text())
    login = Login("ssh_key", file.read_bytes(), passphrase=passphrase or None)
    file.unlink()
    return login


@pytest.fixture
def household(
    running_https: HttpServer,
    running_sshd: SshServer,
    remote: Repo,
    home: Path,
    authority_of_tests: Authority,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    runtime_directory: Path,
) -> Household:
    """A vault with a secret of each kind, and a repository that each of them reaches, cloned by `gitferry add`."""
    running_sshd.admit(home)
    (home / ".ssh" / "id_test").unlink()
    with (home / ".gitconfig").open("a") as file:
        file.write(f"[http]\n\tsslCAInfo = {authority_of_tests.file}\n")
    elsewhere = tmp_path_factory.mktemp("keys")
    logins = {
        "token": admitted_by_password(running_https, "token"),
        "basic": admitted_by_password(running_https, "basic"),
        "key": admitted_by_key(running_sshd, elsewhere),
        "encrypted": admitted_by_key(running_sshd, elsewhere, secret()),
    }
    remotes = {name: Repo(shutil.copytree(remote.root, tmp_path / f"{name}.git")) for name in logins}
    found = Household(tmp_path, runtime_directory, secret(), logins, remotes)
    servers = {name: running_sshd if login.kind == "ssh_key" else running_https for name, login in logins.items()}
    found.move_in({name: servers[name].url(remotes[name]) for name in logins})
    return found


def refused_crossings(household: Household) -> None:
    """A secret that the server does not take, and a server whose hook prints all it has been told."""
    wrong = Login("basic", secret(), household.logins["basic"].username)
    household.secrets |= forms(wrong)
    household.run("credentials rotate basic", given=household.given(wrong))
    hook = household.remotes["token"].hook("pre-receive", TELLTALE)
    household.save("refused", "basic", "token")
    until(lambda: household.errors().keys() >= {"basic"} and "refused for it" in household.log.read_text())
    hook.unlink()
    household.run("credentials rotate basic", given=household.given(household.logins["basic"]))
    household.ask(lambda daemon: daemon.sync())
    until(lambda: not household.errors())


def killed_in_use(household: Household, daemon: subprocess.Popen[bytes]) -> None:
    """The daemon is killed while all four pushes are under way; what it leaves holds no secret."""
    marks = [household.root / f"pushing-{name}" for name in household.remotes]
    hooks = [
        remote.hook("pre-receive", f"touch '{mark}'; sleep 1.5")
        for remote, mark in zip(household.remotes.values(), marks, strict=True)
    ]
    household.save("killed")
    until(lambda: all(mark.exists() for mark in marks))
    daemon.kill()
    daemon.wait()
    assert list(household.runtime.rglob("git")) or list(household.runtime.rglob("agent")), "nothing was left"
    assert household.search() == {}
    for hook in hooks:
        hook.unlink()


def crashed_in_use(household: Household) -> None:
    """An exception that nobody expected, while a login is held: the log tells of it, and there is a crash file."""
    until(lambda: "a fault of gitferry while crossing" in household.log.read_text())
    (report,) = household.state.glob("crashes/*.txt")
    assert "RuntimeError: the failpoint login.offered was reached" in report.read_text()


@pytest.mark.soak
def test_no_secret_is_anywhere(household: Household, running_https: HttpServer) -> None:
    with Watch(household.secrets, household.runtime, household.root / "tmp", server=running_https.pid).on() as watch:
        with household.daemon("login.offered:raise:3") as daemon:
            crashed_in_use(household)
            until(lambda: not household.errors())
            before = [remote.log("main") for remote in household.remotes.values()]
            for number in range(ROUNDS):
                household.cross(f"crossing {number}")
            refused_crossings(household)
            killed_in_use(household, daemon)
        with household.daemon():
            household.ask(lambda daemon: daemon.sync())
            household.cross("at last")
            household.tell(household.logins if THOROUGH else ["basic"])
    after = [remote.log("main") for remote in household.remotes.values()]
    crossings = [len(now) - len(then) for now, then in zip(after, before, strict=True)]
    print(f"{crossings} crossings, {len(watch.processes)} processes of git seen in {watch.looks} looks")
    assert min(crossings) > ROUNDS
    assert watch.hits == set()
    assert len(watch.processes) >= 4 * ROUNDS, "too few processes were seen for the search to mean anything"
    assert household.search() == {}
    the_search_finds_what_is_planted(household)


def the_search_finds_what_is_planted(household: Household) -> None:
    """In each of those places, and each time in another form."""
    login, key = household.logins["basic"], household.logins["key"]
    text, header = login.secret.decode(), base64.b64encode(f"{login.username}:".encode() + login.secret)
    plants = {
        "log": (household.log, b"Authorization: Basic " + header),
        "crash files": (household.state / "crashes" / "planted", json.dumps(text).encode()),
        "state directory": (household.state / "planted", login.secret.hex().encode()),
        "runtime directory": (household.runtime / "gitferry" / "planted", quote(text).encode()),
        "temporary files": (household.root / "tmp" / "planted", household.passphrase),
        "arguments of git and its children": (household.root / "traces" / "planted", repr(text).encode()),
        "answers": (household.root / "answers", household.logins["token"].secret),
        "what gitferry keeps in .git": (household.clone("key").path(".git/gitferry/config"), key.secret[-200:]),
        ".git/config": (household.clone("token").path(".git/config"), b"# " + header[7:]),
    }
    for file, written in plants.values():
        with file.open("ab") as stream:
            stream.write(b"\n" + written + b"\n")
    loose, packed = household.clone("basic"), household.clone("encrypted")
    loose.git("hash-object", "-w", "--stdin", stdin=text)
    for line in ("one", household.logins["encrypted"].secret.splitlines()[4].decode()):
        packed.write("large", "".join(f"{number}\n" for number in range(4000)) + line)
        packed.commit("Planted, as a delta in a pack")
    packed.delete("large")
    packed.commit("Gone from the tree")
    packed.git("gc", "--quiet", "--prune=now")
    with closing(sqlite3.connect(household.state / "gitferry.db")) as database:
        database.execute("CREATE TABLE planted (value)")
        database.execute("INSERT INTO planted VALUES (?)", ("x" * 4000 + text,))  # over the end of a page
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert (household.state / "gitferry.db-wal").stat().st_size == 0
        assert household.search()[str(household.state / "gitferry.db")] == "database"
        database.execute("INSERT INTO planted VALUES (?)", (household.logins["encrypted"].passphrase,))
        database.commit()
        found = household.search()
    assert set(found.values()) == {*plants, "database", "write-ahead log", "objects"}
    objects = [Path(hit) for hit, place in found.items() if place == "objects"]
    assert {path.relative_to(household.root / "work").parts[0] for path in objects} == {"basic", "encrypted"}
    assert {path.suffix for path in objects} == {"", ".pack"}
    with Watch(household.secrets, server=None).on() as watch, ExitStack() as stack:
        for argument, value in (("planted", header.decode()), (quote_plus(text), "planted")):
            words = ["sh", "-c", "sleep 20; :", argument]
            process = stack.enter_context(subprocess.Popen(words, env=os.environ | {"PLANTED": value}))
            stack.callback(process.kill)
        until(lambda: len(watch.hits) == 2)
    assert watch.hits == {"cmdline", "environ"}
