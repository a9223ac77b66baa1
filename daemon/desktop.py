"""Shows a message on the user's desktop, by the session's D-Bus.

Source: the Desktop Notifications Specification 1.2 (specifications.freedesktop.org/notification-spec).
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gitferry.daemon.notification import NotDelivered

if TYPE_CHECKING:
    from gitferry.daemon.notification import Message

_SERVICE: Final = "org.freedesktop.Notifications"
_ANSWER: Final = 5.0  # seconds
_NORMAL: Final = 1  # urgency
_BY_SERVER: Final = -1  # how long it stays is the server's to say


def bus_of(environ: Mapping[str, str]) -> str | None:
    """Return the address of the user's session bus: the one named, else the one systemd keeps (pam_systemd(8))."""
    if named := environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return named
    runtime = environ.get("XDG_RUNTIME_DIR")
    usual = Path(runtime) / "bus" if runtime else None
    return f"unix:path={usual}" if usual is not None and usual.is_socket() else None


@dataclass(frozen=True, slots=True)
class Desktop:
    """The desktop of whoever runs this process."""

    name: str = "desktop"

    def send(self, message: Message, *, at: float, environ: Mapping[str, str]) -> None:
        """Show it. Raises NotDelivered; where nobody is logged in, that passes."""
        address = bus_of(environ)
        if address is None:
            raise NotDelivered(
                "there is no session bus",
                "a service of the user's has one while they are logged in; a system service has none: use a webhook",
            )
        try:
            from jeepney import DBusErrorResponse  # type: ignore[import-untyped]  # it has no type information
            from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]
        except ImportError as missing:
            raise NotDelivered("jeepney is not installed", "install gitferry[desktop]", passing=False) from missing
        try:
            with open_dbus_connection(bus=address) as connection:
                _ask(connection, "Notify", "susssasa{sv}i", _notice(message, _ask(connection, "GetCapabilities")[0]))
        except DBusErrorResponse as refused:
            raise NotDelivered(f"no desktop shows notifications ({refused.name})") from refused
        except (OSError, ValueError, RuntimeError) as failure:  # TimeoutError and refused authentication among them
            raise NotDelivered(f"the session bus does not answer ({type(failure).__name__})") from failure


def _notice(message: Message, capabilities: list[str]) -> tuple[Any, ...]:
    text = "\n".join(message.lines())
    body = html.escape(text, quote=False) if "body-markup" in capabilities else text
    hints = {"urgency": ("y", _NORMAL), "category": ("s", "transfer.error")}
    return ("gitferry", 0, "", message.summary(), body, [], hints, _BY_SERVER)


def _ask(connection: Any, method: str, signature: str | None = None, body: tuple[Any, ...] = ()) -> Any:
    from jeepney import DBusAddress, new_method_call
    from jeepney.wrappers import unwrap_msg  # type: ignore[import-untyped]

    place = DBusAddress("/org/freedesktop/Notifications", bus_name=_SERVICE, interface=_SERVICE)
    return unwrap_msg(connection.send_and_get_reply(new_method_call(place, method, signature, body), timeout=_ANSWER))
