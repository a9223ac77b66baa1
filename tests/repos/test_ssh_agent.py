"""Our agent signs for its one key, to sign in at a server, and for nothing else."""

from __future__ import annotations

import socket
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gitferry.config.errors import GitferryError
from gitferry.repos import ssh_wire as wire
from gitferry.repos.ssh_agent import OneKeyAgent
from gitferry.repos.ssh_key import SshKey

FAILURE, SUCCESS, IDENTITIES, SIGNATURE = 5, 6, 12, 14
PRIVATE = Ed25519PrivateKey.generate()
KEY = SshKey(PRIVATE)


def said(*messages: bytes, agent: OneKeyAgent | None = None) -> list[bytes]:
    """What the agent answers to each message of one connection."""
    ours, theirs = socket.socketpair()
    agent = agent or OneKeyAgent(lambda: KEY)
    thread = threading.Thread(target=agent.answer, args=(theirs,))
    thread.start()
    answers = []
    with ours, theirs:
        for message in messages:
            ours.sendall(wire.text(message))
            answers.append(ours.recv(int.from_bytes(ours.recv(4), "big")))
        ours.shutdown(socket.SHUT_RDWR)
        thread.join()
    return answers


def signs(data: bytes, key: bytes = KEY.public) -> bytes:
    return b"\x0d" + wire.text(key) + wire.text(data) + (0).to_bytes(4, "big")


def sign_in(key: bytes = KEY.public, service: bytes = b"ssh-connection", kind: int = 50) -> bytes:
    start = wire.text(b"session") + bytes([kind]) + wire.text(b"git") + wire.text(service)
    return start + wire.text(b"publickey") + b"\x01" + wire.text(b"ssh-ed25519") + wire.text(key)


def test_it_shows_its_key_and_signs_in_with_it() -> None:
    shown, signed = said(b"\x0b", signs(sign_in()))
    assert (shown[0], wire.Reader(shown[5:]).text()) == (IDENTITIES, KEY.public)
    assert signed[0] == SIGNATURE
    signature = wire.Reader(wire.Reader(signed[1:]).text())
    assert signature.text() == b"ssh-ed25519"
    PRIVATE.public_key().verify(signature.text(), sign_in())


@pytest.mark.parametrize(
    "message",
    [
        signs(b"SSHSIG" + wire.text(b"git")),
        signs(b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"),
        signs(sign_in(service=b"sudo")),
        signs(sign_in(kind=51)),
        signs(sign_in(key=b"another")),
        signs(sign_in(), key=b"another"),
        b"\x11" + wire.text(b"add this"),
        b"\x13",
        b"\x1b" + wire.text(b"query"),
        b"\x0d",
        b"\x0d\xff\xff\xff\xff",
        b"\xff",
    ],
    ids=range(12),
)
def test_it_does_nothing_else(message: bytes) -> None:
    assert said(message)[0][0] == FAILURE


def test_nobody_on_another_machine_is_answered() -> None:
    bind = b"\x1b" + wire.text(b"session-bind@openssh.com") + wire.text(b"k") + wire.text(b"s") + wire.text(b"g")
    here, there = said(bind + b"\x00", b"\x0b"), said(bind + b"\x01", b"\x0b", signs(sign_in()))
    assert [answer[0] for answer in here] == [SUCCESS, IDENTITIES]
    assert [answer[0] for answer in there] == [FAILURE, FAILURE, FAILURE]


def test_a_key_that_cannot_be_read_is_remembered() -> None:
    def key() -> SshKey:
        raise GitferryError("no key", "none")

    agent = OneKeyAgent(key)
    assert [answer[0] for answer in said(b"\x0b", signs(sign_in()), agent=agent)] == [FAILURE, FAILURE]
    assert agent.trouble is not None


@pytest.mark.parametrize("head", [b"", b"\x00", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x00\x00\x00\x09\x0b"])
def test_a_connection_that_ends_or_claims_too_much_is_let_go(head: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(head)
        ours.shutdown(socket.SHUT_WR)
        OneKeyAgent(lambda: KEY).answer(theirs)
