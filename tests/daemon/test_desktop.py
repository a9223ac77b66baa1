"""Notifications on a desktop: a real bus, and a small service on it that shows nothing and keeps what it was told."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jeepney import (  # type: ignore[import-untyped]  # it has no type information
    DBusAddress,
    HeaderFields,
    MessageType,
    new_error,
    new_method_call,
    new_method_return,
)
from jeepney.bus_messages import message_bus  # type: ignore[import-untyped]
from jeepney.io.blocking import DBusConnection, open_dbus_connection  # type: ignore[import-untyped]

from gitferry.daemon.alerts import Alert, Kind
from gitferry.daemon.desktop import Desktop, bus_of
from gitferry.daemon.notification import Message, NotDelivered

AT = datetime(2026, 1, 2, 12, tzinfo=UTC)
NAME = "org.freedesktop.Notifications"


class Service:
    """What shows notifications on a desktop, as the specification has it."""

    def __init__(self, address: str, capabilities: list[str]) -> None:
        self.shown: list[tuple[Any, ...]] = []
        self.refuses = False
        self._capabilities = capabilities
        self._connection: DBusConnection = open_dbus_connection(bus=address)
        self._connection.send_and_get_reply(message_bus.RequestName(NAME))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self._address = address

    def close(self) -> None:
        with open_dbus_connection(bus=self._address) as other:
            other.send_and_get_reply(new_method_call(DBusAddress("/", NAME, NAME), "Quit"))
        self._thread.join(10)
        self._connection.close()

    def _serve(self) -> None:
        while True:
            asked = self._connection.receive()
            if asked.header.message_type is not MessageType.method_call:
                continue
            member = asked.header.fields[HeaderFields.member]
            if member == "GetCapabilities":
                answer = new_method_return(asked, "as", (self._capabilities,))
            elif member == "Notify" and self.refuses:
                answer = new_error(asked, f"{NAME}.Error.ExcessNotificationGeneration")
            elif member == "Notify":
                self.shown.append(asked.body)
                answer = new_method_return(asked, "u", (len(self.shown),))
            else:
                answer = new_method_return(asked)
            self._connection.send(answer)
            if member == "Quit":
                return


@pytest.fixture
def bus(tmp_path: Path, runtime_directory: Path) -> Iterator[str]:
    """The address of a bus of this test's own."""
    program = shutil.which("dbus-daemon")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("dbus-daemon is missing: install Debian's dbus")
        pytest.skip("no dbus-daemon")
    address = f"unix:path={runtime_directory / 'bus'}"
    settings = tmp_path / "bus.conf"
    settings.write_text(
        f"<busconfig><type>session</type><listen>{address}</listen><auth>EXTERNAL</auth>"
        '<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>'
        '<allow own="*"/></policy></busconfig>'
    )
    process = subprocess.Popen(
        [program, f"--config-file={settings}", "--nofork", "--print-address=1"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(address)
    yield address
    process.terminate()
    process.wait(10)
    process.stdout.close()


def message(*names: str) -> Message:
    alerts = (
        Alert(each, Kind.CONFLICT, "work", each, f"both sides <changed> {each}", "do & see", AT, AT) for each in names
    )
    return Message("msg_1", AT, "desk", tuple(alerts))


def show(shown: Message, address: str) -> None:
    Desktop().send(shown, at=0.0, environ={"DBUS_SESSION_BUS_ADDRESS": address})


@pytest.mark.parametrize(
    ("capabilities", "body"),
    [
        (["body"], "both sides <changed> a\ndo & see"),
        (["body", "body-markup"], "both sides &lt;changed&gt; a\ndo &amp; see"),
    ],
)
def test_what_is_shown(bus: str, capabilities: list[str], body: str) -> None:
    service = Service(bus, capabilities)
    show(message("a"), bus)
    service.close()
    hints = {"urgency": ("y", 1), "category": ("s", "transfer.error")}
    assert service.shown == [("gitferry", 0, "", "gitferry: work needs you", body, [], hints, -1)]


def test_many_are_one_bubble(bus: str) -> None:
    service = Service(bus, ["body"])
    show(message(*(f"task-{number}" for number in range(9))), bus)
    service.close()
    ((_, _, _, summary, body, *_),) = service.shown
    assert summary == "gitferry: 9 things need you"
    assert body.splitlines()[0] == "work: both sides <changed> task-0"
    assert body.splitlines()[-1] == "and 3 more: gitferry status" and len(body.splitlines()) == 7


def test_a_desktop_that_refuses(bus: str) -> None:
    service = Service(bus, [])
    service.refuses = True
    with pytest.raises(NotDelivered, match="ExcessNotificationGeneration") as refused:
        show(message("a"), bus)
    assert refused.value.passing
    service.close()


def test_a_bus_without_a_desktop(bus: str) -> None:
    with pytest.raises(NotDelivered, match=r"no desktop shows notifications .*ServiceUnknown") as refused:
        show(message("a"), bus)
    assert refused.value.passing


def test_no_bus(tmp_path: Path, bus: str) -> None:
    with pytest.raises(NotDelivered, match="there is no session bus"):
        Desktop().send(message("a"), at=0.0, environ={"XDG_RUNTIME_DIR": str(tmp_path)})
    with pytest.raises(NotDelivered, match="does not answer"):
        show(message("a"), f"unix:path={tmp_path}/none")
    runtime = bus.removeprefix("unix:path=").removesuffix("/bus")
    assert bus_of({"XDG_RUNTIME_DIR": runtime}) == bus
    assert bus_of({"XDG_RUNTIME_DIR": runtime, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}) == "unix:path=/x"
