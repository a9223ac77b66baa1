"""The service under a really booted systemd, with the system's manager and with a user's."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitferry.tests.integration.booted import FERRY, QUICK, Machine, Managed, booted, gitferry

pytestmark = [pytest.mark.server, pytest.mark.timeout(240)]

# A server that takes note of who signs in, and lets nobody.
DOOR = """\
import http.server

class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        given = self.headers.get("Authorization")
        if given:
            open("/var/tmp/door", "a").write(given + "\\n")
        self.send_response(403 if given else 401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.end_headers()

    do_POST = do_GET

http.server.HTTPServer(("127.0.0.1", 8418), Door).serve_forever()
"""

SSHD = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {home}/.ssh/host
PidFile none
AuthorizedKeysFile {home}/.ssh/authorized_keys
UsePAM no
StrictModes no
"""

SSH = """\
Host *
    HostName 127.0.0.1
    Port {port}
    StrictHostKeyChecking accept-new
    PasswordAuthentication no
Host far
    ProxyJump near
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    directory = tmp_path_factory.mktemp("machine")
    directory.chmod(0o755)
    (directory / "root").mkdir()
    with booted(directory / "root") as machine:
        yield machine


@pytest.fixture(scope="module")
def services(machine: Machine) -> dict[str, Managed]:
    """The service under either manager, installed by its own command and running."""
    made = {"system": Managed(machine, "system"), "user": Managed(machine, "user")}
    for scope, service in made.items():
        service.git("init", "--quiet", "--bare", service.remote)
        service.clone("tasks")
        service.git("-C", f"{service.home}/tasks", "commit", "--quiet", "--allow-empty", "--message=The first")
        service.git("-C", f"{service.home}/tasks", "push", "--quiet")
        service.configure("tasks")
        # The compiled forms of credentials, which every start would make anew.
        service.extend("quick", f"{QUICK}Environment=KF_RULE_CACHE_DIR={service.home}/rules\n")
        install = ("service", "install", f"--{scope}")
        if scope == "system":
            machine.run(str(gitferry()), *install, "--account", "ferry")
        else:
            service.gitferry(*install)
    return made


@pytest.fixture(params=["system", "user"])
def service(request: pytest.FixtureRequest, services: dict[str, Managed]) -> Managed:
    """Each of them in turn."""
    return services[request.param]


def test_it_is_ready_and_says_how_things_stand(service: Managed) -> None:
    assert service.asked("ActiveState") == "active"
    service.until(lambda: service.asked("StatusText") == "1 repository")
    assert 'Status: "1 repository"' in service.systemctl("status", "gitferry").stdout.decode()
    (service.tree / "notes.txt").write_text("saved\n")
    os.chown(service.tree / "notes.txt", service.user, service.user)
    service.until(lambda: service.git("-C", service.remote, "ls-tree", "--name-only", "main") == "notes.txt")
    assert service.json("service", "status", f"--{service.scope}")["active"] == "active"
    # A command in a shell that knows nothing of the service asks the daemon, and finds its state.
    running = service.json("status")
    assert running["daemon"]["running"] and [row["name"] for row in running["repositories"]] == ["tasks"]
    state = service.machine.path(service.state)
    assert (state / "daemon.pid").read_text() == f"{service.asked('MainPID')}\n"


def test_doctor_finds_nothing_that_the_unit_made(service: Managed) -> None:
    assert not [line for _level, line in service.journal() if "other users can reach" in line]
    checks = {check["name"]: check for check in service.json("doctor")["checks"]}
    assert checks["state"]["level"] == "ok", checks["state"]
    assert checks["daemon"]["level"] == "ok", checks["daemon"]
    assert "linger" not in checks
    if service.scope == "system":
        assert service.machine.say("stat", "--format=%a %U", "/run/gitferry", "/var/lib/gitferry") == (
            "700 ferry\n700 ferry"
        )


def test_a_reload_ends_when_the_settings_are_in_force(service: Managed) -> None:
    service.clone("more")
    service.configure("tasks", "more")
    process = service.asked("MainPID")
    service.systemctl("reload", "gitferry")
    assert [row["name"] for row in service.json("status")["repositories"]] == ["tasks", "more"]
    service.until(lambda: service.asked("StatusText") == "2 repositories")
    service.configure("tasks", "more", more="nonsense: 1\n")
    assert service.systemctl("reload", "gitferry", check=False).returncode != 0
    assert service.asked("ActiveState") == "active"
    fault = service.asked("StatusText")
    assert fault.startswith(f"2 repositories; settings fault: {service.settings}:"), fault
    service.configure("tasks")
    service.machine.run("kill", "-HUP", service.asked("MainPID"))
    service.until(lambda: service.asked("StatusText") == "1 repository")
    assert service.asked("MainPID") == process


def test_the_journal_has_levels(service: Managed) -> None:
    said = service.journal()
    assert any(level == 6 and line.startswith("gitferry ") for level, line in said), said
    assert any(level == 3 and line.startswith("the settings cannot be used") for level, line in said), said
    assert not any(line.startswith("<") or line.startswith("20") for _level, line in said), said
    # Programs that the daemon starts do not speak in its name.
    assert b"reception only permitted" not in service.machine.run("journalctl", "--no-pager", "--boot").stdout


@pytest.mark.parametrize(("signal", "result"), [("-STOP", "watchdog"), ("-KILL", "signal")])
def test_one_that_hangs_or_is_killed_is_started_again(
    machine: Machine, services: dict[str, Managed], signal: str, result: str
) -> None:
    before = {scope: service.asked("MainPID") for scope, service in services.items()}
    machine.run("kill", signal, *before.values())
    for scope, service in services.items():
        service.until(lambda: service.asked("MainPID") not in ("0", before[scope]))  # noqa: B023 - called here
        service.until(lambda: service.asked("ActiveState") == "active")  # noqa: B023
        assert [row["name"] for row in service.json("status")["repositories"]] == ["tasks"]
    told = machine.say("journalctl", "--no-pager", "--boot")
    assert told.count(f"gitferry.service: Failed with result '{result}'.") >= len(services)


def test_it_stops_in_time_though_a_remote_hangs_and_files_are_saved(services: dict[str, Managed]) -> None:
    for service in services.values():
        service.clone("hanging")
        service.git("-C", f"{service.home}/hanging", "remote", "set-url", "origin", "ssh://git@nowhere.example/r.git")
        hang = f"touch {service.home}/asked; exec sleep 600 #"
        service.extend("hang", f'[Service]\nEnvironment="GIT_SSH_COMMAND={hang}"\n')
        service.configure("tasks", "hanging")
        service.systemctl("restart", "--no-block", "gitferry")
    for service in services.values():
        service.until(service.machine.path(f"{service.home}/asked").exists)
        for number in range(50):
            place = service.tree / f"saved{number}.txt"
            place.write_text("x\n" * number)
            os.chown(place, service.user, service.user)
    for service in services.values():
        service.systemctl("stop", "--no-block", "gitferry")
    for service in services.values():
        service.until(lambda: service.asked("ActiveState") == "inactive")  # noqa: B023 - called here
        # After ten seconds the manager would have killed it, and called that a timeout.
        assert (service.asked("Result"), service.asked("TimeoutStopUSec")) == ("success", "10s")
        assert not list(service.tree.rglob("*.lock"))
        service.git("-C", f"{service.home}/tasks", "fsck", "--strict")
        stopped = service.json("vault", "status")["vault"]
        assert (stopped["daemon"], stopped["state_dir"]) == (False, service.state)
        service.configure("tasks")
        service.machine.path(f"{service.units}/gitferry.service.d/hang.conf").unlink()
        service.systemctl("daemon-reload")
        service.systemctl("start", "--no-block", "gitferry")
    for service in services.values():
        listed = ("-C", service.remote, "ls-tree", "--name-only", "main")
        service.until(lambda: len(service.git(*listed).splitlines()) == 51)  # noqa: B023 - called here


def test_agents_jump_hosts_and_hooks_are_within_reach(service: Managed) -> None:
    """By a key that only an agent in /tmp has, through a host on the way; a hook writes where it likes."""
    machine, home = service.machine, service.home
    for name, text in {"sshd_config": SSHD, "config": SSH}.items():
        machine.write(f"{home}/.ssh/{name}", text.format(home=home, port=service.user + 3000), service.user)
    for name in ("host", "mine"):
        keygen = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{home}/.ssh/{name}")
        machine.run(*keygen, user=service.user)
    machine.run("sh", "-c", "cd; cp .ssh/mine.pub .ssh/authorized_keys; chmod -R go= .ssh", user=service.user)
    agent = f"/tmp/agent-{service.scope}"
    background = ("systemd-run", "--quiet", f"--uid={service.user}")
    machine.run(*background, "/usr/bin/ssh-agent", "-D", "-a", agent)
    machine.run(*background, "/usr/sbin/sshd", "-D", "-f", f"{home}/.ssh/sshd_config")
    service.until(lambda: machine.run("test", "-S", agent, check=False).returncode == 0)
    machine.run("env", f"SSH_AUTH_SOCK={agent}", "ssh-add", "-q", f"{home}/.ssh/mine", user=service.user)
    machine.path(f"{home}/.ssh/mine").unlink()
    service.clone("far")
    service.git("-C", f"{home}/far", "remote", "set-url", "origin", f"ssh://far{service.remote}")
    hook = f"#!/bin/sh\ntouch /tmp/hook-{service.scope} {home}/hook-ran /var/tmp/hook-{service.scope}\n"
    machine.write(f"{home}/far/.git/hooks/pre-push", hook, service.user)
    machine.path(f"{home}/far/.git/hooks/pre-push").chmod(0o755)
    service.extend("agent", f"[Service]\nEnvironment=SSH_AUTH_SOCK={agent}\n")
    service.configure("tasks", "far")
    trusting = machine.path(service.settings).read_text().replace("far}", "far, trusted: true, pushback: {hooks: run}}")
    machine.write(service.settings, trusting, service.user)
    service.systemctl("restart", "gitferry")
    machine.write(f"{home}/far/from-far.txt", "saved\n", service.user)
    service.until(lambda: "from-far.txt" in service.git("-C", service.remote, "ls-tree", "--name-only", "main"))
    machine.run("ls", f"/tmp/hook-{service.scope}", f"{home}/hook-ran", f"/var/tmp/hook-{service.scope}")


def test_a_user_is_told_of_lingering(machine: Machine) -> None:
    service = Managed(machine, "user")
    mark = machine.path("/var/lib/systemd/linger/ada")
    mark.unlink()
    try:
        (found,) = [check for check in service.json("doctor")["checks"] if check["name"] == "linger"]
    finally:
        mark.touch()
    assert "stops when the last session ends" in found["what"]
    assert found["remedy"] == "loginctl enable-linger ada"


def test_a_sealed_credential_opens_the_systems_vault(machine: Machine) -> None:
    service = Managed(machine, "system")
    name = "gitferry-vault-key"
    machine.path("/etc/credstore.encrypted").mkdir(mode=0o700)
    # Unasked it would not seal with the key of a machine that is in memory only, as this one may be.
    sealing = ("systemd-creds", "encrypt", "--with-key=host", f"--name={name}")
    machine.run(*sealing, "-", f"/etc/credstore.encrypted/{name}", given=base64.b64encode(os.urandom(32)))
    service.systemctl("restart", "gitferry")
    opened = ("systemd-run", "--quiet", "--pipe", "--wait", "-p", "User=ferry", "-p", f"LoadCredentialEncrypted={name}")
    machine.run(*opened, str(gitferry()), "vault", "init", "--key-source", "systemd")
    adding = ("credentials", "add", "work", "--type", "token")
    machine.run(*opened, str(gitferry()), *adding, given=b"a-token-of-these-tests\n")
    machine.write("/root/door.py", DOOR)
    machine.run("systemd-run", "--quiet", "/usr/bin/env", str(Path(gitferry()).with_name("python")), "/root/door.py")
    service.clone("guarded")
    service.git("-C", f"{service.home}/guarded", "remote", "set-url", "origin", "http://127.0.0.1:8418/r.git")
    service.configure("tasks", "guarded")
    settings = machine.path(service.settings)
    signing_in = settings.read_text().replace("guarded}", "guarded, auth: {credential: work}}")
    machine.write(service.settings, signing_in, FERRY)
    service.systemctl("reload", "gitferry")
    row = service.json("vault", "status")["vault"]
    assert (row["key_source"], row["locked"], row["daemon"]) == ("systemd", False, True)
    (found,) = [check for check in service.json("doctor")["checks"] if check["name"] == "vault"]
    assert (found["level"], found["what"]) == (
        "ok",
        "1 credential, key from systemd, which the daemon has and this shell has not",
    )
    door = machine.path("/var/tmp/door")
    service.until(door.exists)
    user, secret = base64.b64decode(door.read_text().split()[1]).decode().split(":")
    assert secret == "a-token-of-these-tests" and user
    assert "a-token" not in "".join(line for _level, line in service.journal())


def test_who_may_not_have_a_service_is_told_why(machine: Machine) -> None:
    install = (str(gitferry()), "service", "install", "--system")
    machine.write("/root/.config/gitferry/config.yaml", "version: 1\nrepositories: [{path: /srv/ferry/tasks}]\n")
    refused = machine.run(*install, "--account", "root", check=False)
    assert refused.returncode == 1
    assert b"belongs to ferry" in refused.stderr and b"--account ferry" in refused.stderr
    machine.run("chmod", "600", "/etc/gitferry/config.yaml")
    refused = machine.run(*install, "--account", "ada", check=False)
    assert refused.returncode == 1
    assert b"ada cannot read /etc/gitferry/config.yaml" in refused.stderr
    assert Managed(machine, "system").asked("User") == "ferry"


def test_roots_own_service(machine: Machine) -> None:
    service = Managed(machine, "system")
    machine.run(str(gitferry()), "service", "uninstall", "--system")
    machine.run("rm", "-r", "/var/lib/gitferry")
    machine.run("git", "init", "--quiet", "--bare", "/root/remote.git")
    machine.run("git", "clone", "--quiet", "/root/remote.git", "/root/tasks")
    machine.run("git", "-C", "/root/tasks", "commit", "--quiet", "--allow-empty", "--message=The first")
    machine.run("git", "-C", "/root/tasks", "push", "--quiet")
    machine.write("/root/.config/gitferry/config.yaml", "version: 1\nrepositories: [{path: /root/tasks}]\n")
    machine.run(str(gitferry()), "service", "install", "--system")
    service.until(lambda: service.asked("StatusText") == "1 repository")
    machine.path("/root/tasks/notes.txt").write_text("saved\n")
    service.until(lambda: machine.say("git", "-C", "/root/remote.git", "ls-tree", "--name-only", "main") == "notes.txt")
    machine.run(str(gitferry()), "service", "uninstall", "--system")
    assert not machine.path("/etc/systemd/system/gitferry.service").exists()
