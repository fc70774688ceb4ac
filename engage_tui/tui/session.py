"""What every screen shares: the model, and the way down to the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from engage_tui.engine.link import Link
from engage_tui.engine.messages import Down, Start
from engage_tui.tui.model import Model


class Engine(Protocol):
    """An engine process that was started before the screen."""

    def link(self) -> Link:
        """The front end's end of its link; called inside the running loop."""

    def close(self) -> int:
        """Close the link, wait until the engine has left and ended, and give its exit code."""


class Session:
    """One engine at a time, what it told, and what the person typed.

    Attributes:
        start: What the call is started with; the lobby writes the person's words into it, so that coming back
            to the lobby finds them.
        message: Why the last call ended, for the lobby; empty when there is nothing to say.
    """

    def __init__(self, start: Start) -> None:
        self.start = start
        self.model = Model()
        self.message = ""
        self._link: Link | None = None
        self._on_asked: Callable[[], None] = lambda: None

    def connect(self, link: Link, on_asked: Callable[[], None]) -> None:
        """Talk over `link` from now on; `on_asked` is called after each intent, to show it as pending."""
        self._link, self._on_asked = link, on_asked

    def send(self, message: Down) -> None:
        """Send a message to the engine; dropped when there is none."""
        if self._link is not None:
            self._link.send(message)

    def ask(self, name: str, arguments: dict[str, object], *, what: str, key: str = "") -> None:
        """Send an intent; `what` names it in the sentence that tells of its failure."""
        self.send(self.model.intent(name, arguments, what=what, key=key))
        self._on_asked()

    def forget(self, message: str) -> None:
        """Back to the lobby: drop the call, keep the log and what was typed, and say why."""
        self.message = message
        self.start = msgspec.structs.replace(self.start, lobby=True)
        self.model.forget_call()

    def close(self) -> None:
        """Let go of the engine; it leaves the room and ends."""
        link, self._link = self._link, None
        if link is not None:
            link.close()
