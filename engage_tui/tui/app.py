"""The Textual app: one link to the engine, two screens, and a clean way out."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterable

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.notifications import SeverityLevel
from textual.screen import Screen

from engage_tui.engine import messages as wire
from engage_tui.log import log_path
from engage_tui.tui import keys, themes, words
from engage_tui.tui.incoming import EngineGone, FromEngine
from engage_tui.tui.model import LogLine
from engage_tui.tui.outlook import Outlook
from engage_tui.tui.picture_app import PictureApp
from engage_tui.tui.screens.call import CallScreen
from engage_tui.tui.screens.lobby import LobbyScreen
from engage_tui.tui.screens.page import Page
from engage_tui.tui.session import Engine, Session

LEAVE_TIMEOUT = 2.0
"""Seconds that the engine gets to leave before the screen ends without it."""

_SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


class EngageApp(PictureApp):
    """Shows what the engine tells, asks it for what the person wants, and ends with how the call ended."""

    TITLE = "Engage TUI"
    CSS_PATH = ["styles/app.tcss", "styles/lobby.tcss", "styles/call.tcss"]
    BINDINGS = [
        Binding("ctrl+q", "leave(True)", "Quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False, priority=True),
    ]

    def __init__(
        self,
        engine: Engine,
        start: wire.Start,
        restart: Callable[[], Engine] | None = None,
        outlook: Outlook | None = None,
    ) -> None:
        """Show a call.

        Args:
            engine: A running engine.
            start: What the call is started with.
            restart: Makes another engine; then leaving a call leads back to the lobby instead of the shell.
            outlook: The terminal, and how pictures are wanted; None: what the environment says.
        """
        self.session = Session(start)
        super().__init__(outlook or Outlook(), self.session.send)
        self._engine = engine
        self._page = Page(self.session)
        self._blank = Page(self.session)
        self._restart = restart
        self._quitting = False
        self._exit_code: int | None = None
        self._muted_by_suspend = False
        themes.register(self)

    # -- start and end -----------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Connect to the engine and show the first screen."""
        loop = asyncio.get_running_loop()
        for number, code in _SIGNALS.items():
            loop.add_signal_handler(number, self._on_signal, code)
        self.app_resume_signal.subscribe(self, self._on_resume)
        self.painter.start()
        self._connect(self._engine)

    def _connect(self, engine: Engine) -> None:
        self._engine = engine
        link = engine.link()
        self.session.connect(link, self._show_waiting)
        link.send(self.session.start)
        self._open(LobbyScreen if self.session.start.lobby else CallScreen)

        def on_message(content: wire.Up) -> None:
            self.post_message(FromEngine(content))

        link.listen(on_message, lambda: self._gone(engine))

    def _gone(self, engine: Engine) -> None:
        self.post_message(EngineGone(engine))

    def _open(self, page: type[Page]) -> None:
        """Show a page in place of the one before."""
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self._page = page(self.session)
        self.push_screen(self._page)

    @property
    def standing(self) -> Page:
        """The page that can draw; while Textual still composes it, one that has nothing to draw."""
        return self._page if self._page.ready else self._blank

    def action_leave(self, quit: bool = False) -> None:  # noqa: A002 - the word on the key
        """Leave the call: to the lobby if there is a way to it, else to the shell; `quit`: to the shell."""
        if self._quitting:
            self._end(wire.Left("client_initiated", 0))  # asked twice: do not wait for the engine
            return
        in_lobby = isinstance(self._page, LobbyScreen)
        self._quitting = quit or in_lobby or self._restart is None
        self.session.ask("leave", {}, what="Leave")
        self.set_timer(LEAVE_TIMEOUT, self._leave_anyway)

    def _leave_anyway(self) -> None:
        if self._quitting:
            self._end(wire.Left("client_initiated", 0))

    def _on_signal(self, code: int) -> None:
        """Leave cleanly; a second signal ends at once."""
        self._exit_code = code
        self.action_leave(True)

    def _end(self, left: wire.Left) -> None:
        if self._exit_code is not None:
            left = wire.Left("client_initiated", self._exit_code)
        self.painter.stop()
        self.session.close()
        self.exit(left)

    def _left(self, left: wire.Left) -> None:
        if self._quitting or self._restart is None:
            self._end(left)
            return
        self.session.close()
        self.session.forget(" ".join(each for each in (left.message, left.hint) if each))
        self._connect(self._restart())

    # -- Ctrl+Z ------------------------------------------------------------------------------------------------------

    def action_suspend_process(self) -> None:
        """Stop like any program; who cannot see that they are heard shall not be heard."""
        self._muted_by_suspend = self.session.model.call.microphone.on
        if self._muted_by_suspend:
            self._set_microphone(False)
        super().action_suspend_process()

    def _on_resume(self, _: App[object]) -> None:
        self.standing.restyle()
        if self._muted_by_suspend:
            self._muted_by_suspend = False
            self._set_microphone(True)

    def _set_microphone(self, value: bool) -> None:
        self.session.ask("set_microphone_enabled", {"value": value}, what="Microphone")

    # -- what the engine tells ---------------------------------------------------------------------------------------

    def on_from_engine(self, event: FromEngine) -> None:
        """Put a message into the model, and have the page draw what it touched."""
        model, page, content = self.session.model, self.standing, event.content
        match content:
            case wire.Picture():
                self.painter.offer(content)
            case wire.Levels():
                model.apply_levels(content)
                page.show_levels()
            case wire.State():
                page.show(model.apply(content))
            case wire.Statistics():
                model.apply_statistics(content)
                page.show_statistics()
            case wire.Notice():
                self._notice(content)
            case wire.Event():
                text = words.describe(content, model.name_of(content.participant))
                if text is not None:
                    self._log_line(LogLine("log", text, content.time))
            case wire.Outcome():
                self._outcome(content)
            case wire.Joined():
                if not isinstance(self._page, CallScreen):
                    self._open(CallScreen)
            case wire.Left():
                self._left(content)

    def on_engine_gone(self, event: EngineGone) -> None:
        """Without an engine there is no call; when it ended on purpose, `Left` came before."""
        if event.engine is not self._engine or self._exit:
            return
        if self._quitting:
            self._end(wire.Left("client_initiated", 0))
            return
        what = "The engine, which carries the call, has ended unexpectedly."
        self._left(wire.Left("error", 1, what, f"See the log: {log_path()}"))

    def _notice(self, notice: wire.Notice) -> None:
        text = (
            f"{self.session.model.name_of(notice.sender)}: {notice.text}"
            if notice.sender
            else notice.text
        )
        self._log_line(LogLine(notice.kind, text, notice.time))
        if notice.kind in ("warning", "error"):
            severity: SeverityLevel = "error" if notice.kind == "error" else "warning"
            self.notify(words.clean(text), severity=severity, markup=False)

    def _outcome(self, outcome: wire.Outcome) -> None:
        waiting = self.session.model.settle(outcome)
        self.standing.show_waiting()
        if waiting is None or outcome.error is None:
            return
        self._page.show_failure(waiting, outcome)
        line = f"{waiting.what} failed: {outcome.error} {outcome.hint}"
        self._log_line(LogLine("error", line, time.time()))

    def _show_waiting(self) -> None:
        self.standing.show_waiting()

    def _log_line(self, line: LogLine) -> None:
        self.session.model.log.append(line)
        self.standing.show_line(line)

    # -- the palette -------------------------------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's own commands, and every action of the table that the screen knows."""
        yield from super().get_system_commands(screen)
        if isinstance(screen, CallScreen):
            yield from keys.commands(screen.action_perform)
