"""What a repository's own git settings would start or let in between, tried against the engine: nothing happens."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gitferry.config.model import BasicAuth, CredentialAuth, GitTokenAuth, Repository, SshKeyAuth
from gitferry.pushback.access import login_of
from gitferry.pushback.crossing import cross
from gitferry.pushback.host import Host
from gitferry.pushback.outcome import Outcome, Request
from gitferry.repos.signing_in import CannotSignIn
from gitferry.security.login import Login
from gitferry.tests.integration.certificates import Authority
from gitferry.tests.integration.servers import HttpServer, SshServer
from gitferry.tests.pushback.kit import Side
from gitferry.tests.repo import Repo

_SETTINGS = Repository(name="tasks", path=Path("/nowhere"))


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A program that leaves `<itself>.ran` behind, and does nothing else."""
    program = tmp_path / "canary"
    program.write_text(f"#!/bin/sh\ntouch '{program}.ran'\nexit 1\n")
    program.chmod(0o755)
    return program


def ran(canary: Path) -> bool:
    return Path(f"{canary}.ran").exists()


def crossed(here: Repo, auth: object = None, host: Host | None = None) -> Outcome:
    """An edit of ours crosses, with all that a crossing does."""
    here.write("tasks/celsius/main.js", f"// {os.urandom(4).hex()}\n")
    side = Side(here, pushback={"conflict_strategy": "merge"})
    settings = side.settings.model_copy(update={"auth": auth})
    return cross(settings, Request("request", fetch=True), host=host or side.host)


@pytest.mark.parametrize(
    "settings",
    [
        {"core.fsmonitor": "{canary}"},
        {"core.hooksPath": "{hooks}"},
        {"core.askPass": "{canary}"},
        {"core.pager": "{canary}", "core.editor": "{canary}", "sequence.editor": "{canary}"},
        {"diff.external": "{canary}", "diff.x.command": "{canary}", "diff.x.textconv": "{canary}"},
        {"merge.x.driver": "{canary}", "merge.default": "x"},
        {"filter.x.clean": "{canary}", "filter.x.smudge": "{canary}", "filter.x.process": "{canary}"},
        {"protocol.ext.allow": "always", "protocol.allow": "always"},
        {"alias.push": "!{canary}", "alias.fetch": "!{canary}", "alias.status": "!{canary}"},
        {"trailer.x.command": "{canary}", "uploadpack.packObjectsHook": "{canary}"},
        {"submodule.recurse": "true", "submodule.tasks.update": "!{canary}", "fetch.recurseSubmodules": "true"},
        {"core.sshCommand": "{canary}", "credential.helper": "!{canary}", "core.gitProxy": "{canary}"},
        {"include.path": "{included}"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_of_the_repository_start_nothing(
    clone: Callable[..., Repo], tmp_path: Path, canary: Path, settings: dict[str, str]
) -> None:
    here = clone("here")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-push", "pre-commit", "reference-transaction", "post-checkout", "post-index-change"):
        (hooks / name).symlink_to(canary)
    included = tmp_path / "included"
    included.write_text(f"[core]\n\tfsmonitor = {canary}\n\thooksPath = {hooks}\n[diff]\n\texternal = {canary}\n")
    here.write(".git/info/attributes", "* diff=x\n*.js merge=x\n*.bin filter=x\n")
    for key, value in settings.items():
        here.git("config", key, value.format(canary=canary, hooks=hooks, included=included))
    there = Repo.clone(here.git("remote", "get-url", "origin"), tmp_path / "there")
    there.write("tasks/celsius/README.md", "from there\n")
    there.commit("There")
    there.git("push", "-q")
    outcome = crossed(here)
    assert not ran(canary)
    assert outcome.state == "healthy", (outcome.error, outcome.waiting_for)
    assert here.tip("main") == Repo(tmp_path / "remote.git").tip("main")


@pytest.mark.parametrize("key", ["remote.origin.uploadpack", "remote.origin.receivepack", "remote.origin.vcs"])
def test_a_program_for_the_other_side_is_refused(clone: Callable[..., Repo], canary: Path, key: str) -> None:
    here = clone("here")
    here.git("config", key, str(canary))
    outcome = crossed(here)
    assert (outcome.state, ran(canary)) == ("failing", False)
    assert key in (outcome.error or "")
    assert "trusted" in (outcome.hint or "")
    assert not outcome.retry


@pytest.mark.parametrize("key", ["gpg.program", "gpg.openpgp.program", "gpg.ssh.defaultKeyCommand"])
@pytest.mark.parametrize("when", ["true", "if-asked"])
def test_a_program_that_signs_pushes_is_refused(
    clone: Callable[..., Repo], remote: Repo, canary: Path, key: str, when: str
) -> None:
    here = clone("here")
    remote.git("config", "receive.certNonceSeed", "a server that wants signatures")
    here.git("config", key, str(canary))
    if "ssh" in key:
        here.git("config", "gpg.format", "ssh")
    assert crossed(here).state == "healthy", "nothing is signed"
    here.git("config", "push.gpgSign", when)
    assert key.lower() in (crossed(here).error or "")
    assert not ran(canary)


def test_alternates_bring_no_command(clone: Callable[..., Repo], tmp_path: Path, canary: Path) -> None:
    here = clone("here")
    other = clone("other")
    here.write(".git/objects/info/alternates", f"{other.root}/.git/objects\n")
    here.git("config", "core.alternateRefsCommand", str(canary))
    assert "core.alternaterefscommand" in (crossed(here).error or "")
    assert not ran(canary)


def test_a_transport_of_another_kind_is_refused(clone: Callable[..., Repo], canary: Path) -> None:
    here = clone("here")
    here.git("config", "protocol.ext.allow", "always")
    for url in (f"ext::{canary}", "canary::x", f"--upload-pack={canary}"):
        here.git("config", "remote.origin.url", url)
        outcome = crossed(here)
        assert (outcome.state, ran(canary)) == ("failing", False)
        assert "is not used" in (outcome.error or "")


def test_a_rewritten_url_is_looked_at_as_what_it_becomes(clone: Callable[..., Repo], canary: Path) -> None:
    here = clone("here")
    url = here.git("remote", "get-url", "origin")
    here.git("config", "protocol.ext.allow", "always")
    here.git("config", f"url.ext::{canary} .insteadOf", url)
    assert "is not used" in (crossed(here).error or "")
    here.git("config", "--unset-all", f"url.ext::{canary} .insteadOf")
    here.git("config", f"url.ext::{canary} .pushInsteadOf", url)
    assert crossed(here).state != "healthy"
    assert not ran(canary)


@pytest.fixture
def at_sshd(ssh_server: SshServer, remote: Repo, clone: Callable[..., Repo]) -> Repo:
    here = clone("here")
    here.git("remote", "set-url", "origin", ssh_server.url(remote))
    return here


def test_an_ssh_command_of_the_repository_runs_only_where_it_is_trusted(at_sshd: Repo, canary: Path) -> None:
    at_sshd.git("config", "core.sshCommand", str(canary))
    outcome = crossed(at_sshd)
    assert "core.sshcommand" in (outcome.error or "")
    assert not ran(canary)
    at_sshd.git("config", "--global", "core.sshCommand", str(canary))
    crossed(at_sshd)
    assert ran(canary), "the user says the same"


def test_a_helper_of_the_repository_is_refused_and_an_installed_one_is_not(
    http_server: HttpServer, remote: Repo, clone: Callable[..., Repo], canary: Path
) -> None:
    here = clone("here")
    here.git("remote", "set-url", "origin", http_server.url(remote))
    here.git("config", "credential.helper", "store --file=~/.git-credentials")
    assert crossed(here).state == "healthy"
    for value in (f"!{canary}", str(canary), f"store --file=$({canary})", f"store;{canary}"):
        here.git("config", "credential.helper", value)
        assert "credential.helper" in (crossed(here).error or "")
    here.git("config", "--unset", "credential.helper")
    here.git("config", f"credential.{http_server.url(remote)}.helper", f"!{canary}")
    assert ".helper" in (crossed(here).error or "")
    assert not ran(canary)


@pytest.mark.parametrize("scope", ["--local", "--global"])
@pytest.mark.parametrize("form", ["http.sslVerify", "http.{url}.sslVerify"])
def test_verification_is_never_off(
    running_https: HttpServer, remote: Repo, clone: Callable[..., Repo], scope: str, form: str
) -> None:
    here = clone("here")
    url = running_https.url(remote, user=running_https.user, password=running_https.password)
    here.git("remote", "set-url", "origin", url)
    here.git("config", scope, form.format(url=running_https.url(remote)), "false")
    outcome = crossed(here)
    assert outcome.state == "failing"
    assert "sslverify turns the verification of the server off" in (outcome.error or "")


def test_verification_of_another_server_is_the_users_word(
    running_https: HttpServer, remote: Repo, clone: Callable[..., Repo], authority_of_tests: Authority
) -> None:
    here = clone("here")
    auth = BasicAuth(type="basic", username=running_https.user, password=running_https.password)
    here.git("remote", "set-url", "origin", running_https.url(remote))
    here.git("config", "--global", "http.sslCAInfo", str(authority_of_tests.file))
    here.git("config", "--global", "http.https://nas.example.org.sslVerify", "false")
    assert crossed(here, auth).state == "healthy"
    here.git("config", "--global", "http.https://*/.sslVerify", "false")
    assert "turns the verification" in (crossed(here, auth).error or "")


def test_an_authority_is_the_users_word(
    running_https: HttpServer, remote: Repo, clone: Callable[..., Repo], authority_of_tests: Authority
) -> None:
    here = clone("here")
    auth = BasicAuth(type="basic", username=running_https.user, password=running_https.password)
    here.git("remote", "set-url", "origin", running_https.url(remote))
    assert "could not be verified" in (crossed(here, auth).error or "")
    here.git("config", "http.sslCAInfo", str(authority_of_tests.file))
    assert "whom to take for the server" in (crossed(here, auth).error or "")
    here.git("config", "--global", "http.sslCAInfo", str(authority_of_tests.file))
    assert crossed(here, auth).state == "healthy"


def test_a_credential_does_not_follow_the_repositorys_rewriting(
    running_https: HttpServer, remote: Repo, clone: Callable[..., Repo]
) -> None:
    here = clone("here")
    here.git("remote", "set-url", "origin", "https://forge.example.org/git/remote.git")
    here.git("config", f"url.{running_https.url(remote)}.insteadOf", "https://forge.example.org/git/remote.git")
    auth = GitTokenAuth(type="git_token", token="canary-token")
    assert "where the credential goes" in (crossed(here, auth).error or "")


# -- which login


def test_each_form_of_auth_is_a_login(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"the key")
    forms = {
        GitTokenAuth(type="git_token", token="t"): Login("token", b"t", "git"),
        BasicAuth(type="basic", username="me", password="p"): Login("basic", b"p", "me"),
        SshKeyAuth(type="ssh_key", path=key, passphrase="w"): Login("ssh_key", b"the key", None, b"w"),
    }
    for auth, login in forms.items():
        assert login_of(_SETTINGS.model_copy(update={"auth": auth}), Host()) == login
    assert login_of(_SETTINGS, Host()) is None


def test_a_stored_credential_comes_from_the_host() -> None:
    settings = _SETTINGS.model_copy(update={"auth": CredentialAuth(credential="work")})
    with pytest.raises(CannotSignIn, match="no credential work"):
        login_of(settings, Host())
    host = replace(Host(), logins=lambda each: Login("token", each.name.encode()))
    assert login_of(settings, host) == Login("token", b"tasks")


def test_a_key_that_is_not_there_is_told() -> None:
    auth = SshKeyAuth(type="ssh_key", path=Path("/nowhere/key"))
    with pytest.raises(CannotSignIn, match="/nowhere/key"):
        login_of(_SETTINGS.model_copy(update={"auth": auth}), Host())
