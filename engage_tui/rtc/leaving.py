"""What a server's `leave` means: stay away, resume the session, or join anew."""

from __future__ import annotations

from enum import Enum, auto

from livekit.protocol import models, rtc

from engage_tui.errors import ConnectError, RefusedError

_AGAIN = "Join again."
_NETWORK = "Check the network and join again."

_MEANT = {
    "DUPLICATE_IDENTITY": (
        "Somebody else joined under the same identity.",
        "Choose another name and join again.",
    ),
    "PARTICIPANT_REMOVED": ("You were removed from the room.", ""),
    "ROOM_DELETED": ("The room was deleted.", ""),
    "ROOM_CLOSED": ("The room was closed.", ""),
    "USER_UNAVAILABLE": ("Whoever was called does not answer.", ""),
    "USER_REJECTED": ("Whoever was called does not take the call.", ""),
}
"""What somebody decided: message and hint by LiveKit's name for the reason."""

_BROKEN = {
    "UNKNOWN_REASON": ("The server ended the call and does not say why.", _AGAIN),
    "CLIENT_INITIATED": ("The server took the call as left from here.", _AGAIN),
    "SERVER_SHUTDOWN": ("The server shuts down.", "Join again when it is back."),
    "STATE_MISMATCH": ("The server no longer knows this session.", _AGAIN),
    "JOIN_FAILURE": (
        "The server waited in vain for the media connection.",
        "Check that UDP to the server is not blocked, or have it offer TURN.",
    ),
    "MIGRATION": ("The server moved the room to another machine.", _AGAIN),
    "SIGNAL_CLOSE": ("The server lost the connection to here.", _AGAIN),
    "SIP_TRUNK_FAILURE": ("The telephone line of the room failed.", "Try again later."),
    "CONNECTION_TIMEOUT": ("The server heard nothing from here for too long.", _NETWORK),
    "MEDIA_FAILURE": ("The server received no media that it could use.", _NETWORK),
    "AGENT_ERROR": ("An agent in the room failed.", _AGAIN),
}
"""What went wrong, in the same form."""


class DismissedError(RefusedError):
    """The server ended the session and does not want it back.

    Its exit code is that of a refusal where somebody decided so, else that of a lost connection.

    Attributes:
        reason: LiveKit's number for why.
    """

    def __init__(self, reason: int) -> None:
        names = {value: name for name, value in models.DisconnectReason.items()}
        name = names.get(models.DisconnectReason.ValueType(reason), "")
        unknown = (f"The server ended the call (reason {reason}).", _AGAIN)
        message, hint = _MEANT.get(name) or _BROKEN.get(name, unknown)
        kind = RefusedError if name in _MEANT else ConnectError
        super().__init__(message, hint, exit_code=kind.default_exit_code)
        self.reason = reason


class JoinAnewError(ConnectError):
    """The server asks for a new session in place of this one."""


class Wish(Enum):
    """What the server wants of a client whose session it ends."""

    STAY_AWAY = auto()
    RESUME = auto()
    JOIN_ANEW = auto()


def wish(leave: rtc.LeaveRequest) -> Wish:
    """What a leave asks for; servers before protocol 13 say it by `can_reconnect` alone."""
    if leave.action == rtc.LeaveRequest.RESUME:
        return Wish.RESUME
    if leave.action == rtc.LeaveRequest.DISCONNECT and not leave.can_reconnect:
        return Wish.STAY_AWAY
    return Wish.JOIN_ANEW
