"""Sounds of one's own: play a file all around or at a place in the room, and stop what plays."""

from __future__ import annotations

import os
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from engage_tui.engine.view import PersonView, SoundView
from engage_tui.tui import paths, words
from engage_tui.tui.session import Session
from engage_tui.tui.widgets import map_lines
from engage_tui.tui.widgets.voice_switches import VoiceSwitch

SHOWN = 5
"""Files that are offered at a time."""


class PathInput(Input):
    """A path; Tab completes it as far as it is certain."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Complete", show=False, priority=True)
    ]

    def action_complete(self) -> None:
        """Complete; with nothing to complete, go on to the next field."""
        completed = paths.completed(self.value, paths.matches(self.value))
        if completed == self.value:
            self.screen.focus_next()
            return
        self.value = completed
        self.cursor_position = len(completed)


class SoundRow(Widget, can_focus=True):
    """One sound that plays; Delete, Enter or a click on its end stops it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete,backspace,enter", "stop", "Stop", show=False)
    ]

    DEFAULT_CSS = """
    SoundRow { height: 1; width: 1fr; padding: 0 1; color: $foreground; pointer: pointer; }
    SoundRow:focus { background: $foreground 15%; }
    SoundRow:hover { background: $foreground 10%; }
    """

    class Stopped(Message):
        """It shall play no more."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, sound: SoundView, me: PersonView | None) -> None:
        super().__init__()
        self.sound = sound
        self._where = map_lines.where_words(sound.place, me) or "all around you"

    def render(self) -> Text:
        """Its name, where it is, and what a click does."""
        end = "[stop]"
        left = f"♪ {words.shorten(self.sound.label, 30)} · {self._where}"
        return Text(words.fit(left, max(0, self.content_size.width - len(end))) + end)

    def action_stop(self) -> None:
        """Ask for silence."""
        self.post_message(self.Stopped(self.sound.key))

    def on_click(self, event: events.Click) -> None:
        """Stop it, if its end was clicked."""
        if event.x >= self.size.width - 8:
            self.action_stop()


class SoundsScreen(ModalScreen[str]):
    """A panel over the call; Esc closes it and gives what is typed, so that nothing typed is lost.

    Attributes:
        ready: Whether its widgets stand.
    """

    ready = False

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close", show=False)]

    def __init__(self, session: Session, typed: str) -> None:
        """Show the session's sounds, with `typed` in the field."""
        super().__init__()
        self._session = session
        self._typed = typed
        self._shown: tuple[SoundView, ...] | None = None

    def compose(self) -> ComposeResult:
        """The field, what it may become, where it shall play, and what plays."""
        with VerticalScroll(id="sounds", can_focus=False) as panel:
            panel.border_title = "Sounds, for you alone"
            panel.border_subtitle = "Enter play  Tab complete  Esc close"
            with Horizontal(classes="row part"):
                yield Label("File", classes="row-label")
                yield PathInput(
                    self._typed, placeholder="path of a sound file", id="path", compact=True
                )
            yield Static("", id="path-error", classes="error-row", markup=False)
            yield Static("", id="path-matches", markup=False)
            with Horizontal(classes="row part"):
                yield Label("Where", classes="row-label")
                yield VoiceSwitch("where")
                yield Static("", id="where-note", classes="row-text")
            with Horizontal(classes="row"):
                yield Label("Again", classes="row-label")
                yield VoiceSwitch("loop")
            with Horizontal(classes="row part"):
                yield Label("Playing", classes="row-label")
                yield Static("nothing yet", id="silence", classes="row-text")
            yield Vertical(id="playing")

    def on_mount(self) -> None:
        """Begin in the field."""
        if not self.query("#playing"):
            return  # the app ends while this panel is being made
        self.ready = True
        self.query_one("#path").focus()
        self._show_matches()
        self._show_where()
        self.show()

    # -- what is told ------------------------------------------------------------------------------------------------

    def show(self) -> None:
        """Show what plays now."""
        model = self._session.model
        sounds = model.call.hearing.sounds
        if sounds == self._shown:
            return
        self._shown = sounds
        self.query_one("#silence").display = not sounds
        playing = self.query_one("#playing", Vertical)
        playing.remove_children()
        playing.mount(*(SoundRow(each, model.me) for each in sounds))

    def show_error(self, text: str) -> None:
        """Say why it does not play; what was typed stays."""
        row = self.query_one("#path-error", Static)
        row.update(words.clean(text))
        row.display = bool(text)

    @property
    def typed(self) -> str:
        """What stands in the field."""
        return self.query_one("#path", Input).value

    def _show_matches(self) -> None:
        typed = self.typed
        found = paths.matches(typed) if typed else []
        if found == [typed]:
            found = []
        names = [words.clean(os.path.basename(each.rstrip(os.sep))) for each in found[:SHOWN]]
        if len(found) > SHOWN:
            names.append(f"… {len(found) - SHOWN} more")
        widget = self.query_one("#path-matches", Static)
        widget.update("  ".join(names))
        widget.display = bool(names)

    def _show_where(self) -> None:
        bed = self.query_one("#voice-where", VoiceSwitch).value == "around"
        note = "a bed that goes with you" if bed else "1.5 m ahead; move it on the map"
        self.query_one("#where-note", Static).update(note)

    # -- what the person does ----------------------------------------------------------------------------------------

    @on(Input.Changed, "#path")
    def _on_typed(self) -> None:
        self.show_error("")
        self._show_matches()

    @on(Input.Submitted, "#path")
    def _on_submitted(self) -> None:
        if self._session.model.is_waiting("play_sound"):
            return
        path = os.path.expanduser(self.typed.strip())
        if not path:
            self.show_error("Type the path of a sound file; Tab completes it.")
            return
        arguments: dict[str, object] = {
            "path": os.path.abspath(path),
            "room": self.query_one("#voice-where", VoiceSwitch).value == "in the room",
            "loop": self.query_one("#voice-loop", VoiceSwitch).value,
        }
        self._session.ask("play_sound", arguments, what="Playing a sound")

    @on(VoiceSwitch.Changed)
    def _on_switched(self, event: VoiceSwitch.Changed) -> None:
        self.query_one(f"#voice-{event.name}", VoiceSwitch).value = event.value
        self._show_where()

    @on(SoundRow.Stopped)
    def _on_stopped(self, event: SoundRow.Stopped) -> None:
        self._session.ask("stop_sound", {"sound": event.key}, what="Stopping a sound")

    def action_close(self) -> None:
        """Close, and remember what is typed."""
        self.dismiss(self.typed)
