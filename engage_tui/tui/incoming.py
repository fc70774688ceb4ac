"""What reaches the app from its engine, as Textual messages: handlers then run in the app's context."""

from __future__ import annotations

from textual.message import Message

from engage_tui.engine.messages import Up
from engage_tui.tui.session import Engine


class FromEngine(Message):
    """A message of the engine."""

    def __init__(self, content: Up) -> None:
        super().__init__()
        self.content = content


class EngineGone(Message):
    """The engine has gone."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
