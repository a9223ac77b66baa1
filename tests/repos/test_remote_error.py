"""What programs and forges say is sorted into the kind that a person must act on."""

from __future__ import annotations

import pytest

from gitferry.repos.remote_error import classify, kind_of, reason_in

TAIL = (
    "fatal: Could not read from remote repository.\n\n"
    "Please make sure you have the correct access rights\nand the repository exists.\n"
)


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        (f"git@github.com: Permission denied (publickey).\n{TAIL}", "auth"),
        (f"ERROR: Permission to team/tasks.git denied to someone.\n{TAIL}", "auth"),
        (f"ERROR: The key you are authenticating with has been marked as read only.\n{TAIL}", "auth"),
        ("remote: Invalid username or token.\nfatal: Authentication failed for 'https://github.com/t/t.git/'", "auth"),
        ("fatal: could not read Username for 'https://github.com': terminal prompts disabled", "auth"),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 403", "auth"),
        (f"Host key verification failed.\n{TAIL}", "host_key"),
        ("fatal: unable to access 'https://x/': SSL certificate problem: self-signed certificate", "host_key"),
        (f"ERROR: Repository not found.\n{TAIL}", "not_found"),
        ("remote: Repository not found.\nfatal: repository 'https://github.com/t/t.git/' not found", "not_found"),
        (f"fatal: '/srv/x' does not appear to be a git repository\n{TAIL}", "not_found"),
        (f"ssh: connect to host h port 22: Connection timed out\n{TAIL}", "offline"),
        (f"ssh: connect to host h port 22: Network is unreachable\n{TAIL}", "offline"),
        (f"ssh: Could not resolve hostname h: Temporary failure in name resolution\n{TAIL}", "offline"),
        (f"kex_exchange_identification: Connection closed by remote host\n{TAIL}", "offline"),
        (f"client_loop: send disconnect: Broken pipe\n{TAIL}", "offline"),
        ("error: RPC failed; curl 56 Recv failure: Connection reset by peer\nfatal: early EOF", "offline"),
        ("fatal: unable to access 'https://x/': The requested URL returned error: 503", "offline"),
        ("fatal: unable to access 'https://x/': OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection", "offline"),
        ("fatal: detected dubious ownership in repository at '/srv/x'", "other"),
        ("", "other"),
    ],
)
def test_kind(stderr: str, kind: str) -> None:
    assert kind_of(stderr) == kind
    failed = classify("origin", stderr)
    assert failed.kind == kind
    assert failed.retry == (kind in {"offline", "timeout", "other"})
    assert failed.hint


def test_the_reason_is_the_line_that_tells() -> None:
    stderr = f"warning: noise\nremote: =====\nremote: welcome\nssh: connect to host h port 22: No route to host\n{TAIL}"
    assert reason_in(stderr) == "ssh: connect to host h port 22: No route to host"
    assert reason_in("") == "git said nothing"
