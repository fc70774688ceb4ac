"""Every error that a person may see: what happened, what to do, and the exit code.

The tree::

    EngageError                      1  a bug, or nothing more precise is known
    ├── UsageError                   2  wrong words, a room that the token does not allow, no terminal
    ├── ConnectError                 3  no server, a wrong address, reconnecting given up
    ├── RefusedError                 4  refused, removed, deleted, replaced
    │   └── AuthError                4  the token was refused
    ├── DeviceError                  5  no such device, busy, gone, no PortAudio
    │   └── DeviceErrors             5  several devices failed in one call
    ├── PortInUseError               6  a port is taken
    ├── MediaFileError               6  a media file is missing or unreadable
    └── PublishError                 1  publishing was refused or timed out
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class EngageError(Exception):
    """An error with words for the person who meets it.

    Attributes:
        message: What happened, one sentence.
        hint: What to do about it, one sentence; may be empty.
        exit_code: What a command returns that ends with this error.
    """

    default_exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "", *, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = self.default_exit_code if exit_code is None else exit_code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(EngageError):
    """The command or call was used wrongly."""

    default_exit_code = 2


class ConnectError(EngageError):
    """The server cannot be reached, or a lost connection could not be restored."""

    default_exit_code = 3


class RefusedError(EngageError):
    """The server refused us, removed us, or gave our place to somebody else."""

    default_exit_code = 4


class AuthError(RefusedError):
    """The access token was refused: malformed, expired, or signed with another key."""


class DeviceError(EngageError):
    """A device is absent, busy, gone, or its library is not installed."""

    default_exit_code = 5


class DeviceErrors(DeviceError):
    """Several devices failed to open in one call, told together.

    Attributes:
        failures: One error a device, in the order in which they were asked for.
    """

    def __init__(self, failures: Sequence[EngageError]) -> None:
        super().__init__(
            " ".join(failure.message for failure in failures),
            " ".join(failure.hint for failure in failures if failure.hint),
            exit_code=failures[0].exit_code,
        )
        self.failures = tuple(failures)


class PortInUseError(EngageError):
    """A port that a server asked for is taken."""

    default_exit_code = 6


class MediaFileError(EngageError):
    """A media file is missing, unreadable, or holds no stream of the wanted kind."""

    default_exit_code = 6


class PublishError(EngageError):
    """A track could not be published."""
