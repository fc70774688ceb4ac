"""The call: people at the left, faces in the middle, the log at the right, switches below."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from engage_tui.engine.actions import Action, Scope, by_id
from engage_tui.engine.view import Phase, PublicationView, Subscription, ToggleView
from engage_tui.sdk.enums import AudioConnectionMode, TrackKind
from engage_tui.tui import keys, words
from engage_tui.tui.model import TOGGLES, Change, LogLine
from engage_tui.tui.outlook import outlook_of
from engage_tui.tui.screens import pictures, surroundings
from engage_tui.tui.screens.pictures import Pictures
from engage_tui.tui.session import Session
from engage_tui.tui.size import SMALLEST
from engage_tui.tui.widgets import people_rows
from engage_tui.tui.widgets.control_bar import ControlBar, ControlButton
from engage_tui.tui.widgets.hint import HintLine
from engage_tui.tui.widgets.log import LogPanel
from engage_tui.tui.widgets.people import PeoplePanel
from engage_tui.tui.widgets.people_rows import Facts, Item
from engage_tui.tui.widgets.space_map import SpaceMap
from engage_tui.tui.widgets.stage import Stage
from engage_tui.tui.widgets.status_line import StatusLine

_MODES = (AudioConnectionMode.AUTO, AudioConnectionMode.ALWAYS, AudioConnectionMode.NEVER)
_SWITCHES = {
    "set_microphone_enabled": "Microphone",
    "set_camera_enabled": "Camera",
    "set_screen_share_enabled": "Screen share",
}


class CallScreen(Pictures):
    """Shows the session's model; every key is an action of the table."""

    BINDINGS = keys.bindings(Scope.CALL, Scope.ROW, Scope.ALWAYS)
    HORIZONTAL_BREAKPOINTS = [
        (0, "-no-width"),
        (SMALLEST[0], "-list"),
        (60, "-narrow"),
        (100, "-medium"),
        (150, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-no-height"), (SMALLEST[1], "-low"), (30, "-high")]

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._model = session.model
        self._log_wanted: bool | None = None  # None: as the width has it
        self._told_error = ""

    def compose(self) -> ComposeResult:
        """Lay out the three regions between the status line and the control bar."""
        yield StatusLine()
        with Horizontal(id="body"):
            yield PeoplePanel(id="people")
            yield Stage(id="stage")
            yield LogPanel(lambda: self._model.log, id="log")
            yield SpaceMap(id="map")
        yield HintLine()
        yield ControlBar()
        yield Static("Too small.\nThe call goes on.", id="too-small")

    def on_mount(self) -> None:
        """Show what is known already, and start the clock."""
        if not self.query("#people"):
            return  # the app ends while this screen is being made
        self.ready = True
        self.query_one("#people").border_title = "People"
        self.query_one("#log").border_title = "Log"
        self.query_one("#map").border_title = "Map"
        self.query_one(PeoplePanel).focus()
        self.show(Change(call=True, people=True))
        self.query_one(ControlBar).show_picture(outlook_of(self.app).mode.value)
        self._tick()
        self.set_interval(1.0, self._tick)

    # -- what the app tells ------------------------------------------------------------------------------------------

    def show(self, change: Change) -> None:
        """Draw what changed, and nothing else."""
        if change.people:
            people = self._model.people
            self.query_one(PeoplePanel).show_people(people, self._facts())
            self.query_one(Stage).show_people(people)
            self.query_one(StatusLine).people = len(people)
        if change.call:
            self.query_one(StatusLine).call = self._model.call
            self.query_one(Stage).show_call(self._model.call)
            self._show_switches()
        self.show_map()
        self.show_panel()
        self._show_hint()

    def show_waiting(self) -> None:
        """Show pending intents at once, before the engine has answered."""
        self.show_panel()
        self.query_one(PeoplePanel).show_facts(self._facts())
        self._show_switches()
        self._show_hint()

    def show_levels(self) -> None:
        """Ten times a second: meters and the speakers' frames."""
        self.query_one(PeoplePanel).show_facts(self._facts())
        self.query_one(Stage).show_levels(self._model.levels)
        self.show_panel_levels()

    def show_statistics(self) -> None:
        """Once a second: rates and sizes."""
        self.query_one(PeoplePanel).show_facts(self._facts())
        self._show_hint()

    def show_line(self, line: LogLine) -> None:
        """A new line of the log."""
        self.query_one(LogPanel).show_line(line)

    def _facts(self) -> Facts:
        model = self._model
        seen = frozenset(tile.key for tile in self.query_one(Stage).tiles)
        return Facts(model.levels, model.statistics, model.waiting_rows(), seen)

    def _show_switches(self) -> None:
        joined = self._model.call.phase in (Phase.CONNECTED, Phase.RECONNECTING)
        self.query_one(ControlBar).show(self._model.toggle, joined=joined)

    def _tick(self) -> None:
        self.query_one(StatusLine).clock = time.strftime("%H:%M")

    @on(Stage.WatchChanged)
    def _on_watch(self, message: Stage.WatchChanged) -> None:
        self.session.send(message.watch)

    # -- the hint line -----------------------------------------------------------------------------------------------

    @on(PeoplePanel.Selected)
    def _on_selected(self, message: PeoplePanel.Selected) -> None:
        """What is selected is what one wants to see, even if there is room for little."""
        publication = message.item.publication if message.item else None
        if publication is not None and publication.kind is TrackKind.VIDEO:
            self.query_one(Stage).show_people(self._model.people, [publication.key])
        if message.item is not None:
            self.follow_selection(message.item.person.identity)
        self._show_hint()

    def _show_hint(self) -> None:
        hint = self.query_one(HintLine)
        item = self.query_one(PeoplePanel).selected
        error = self._switch_error()
        hint.alert = bool(error) and error != self._told_error
        if hint.alert:
            hint.text, hint.offers = error, "Esc close"
        elif self.map_hint():
            return
        elif item is None:
            hint.text, hint.offers = words.PHASES[self._model.call.phase], ""
        else:
            hint.text = people_rows.explain(item, self._facts())
            if item.publication is None and item.person.local and self._model.call.speaker:
                sound = words.clean(self._model.call.speaker)
                hint.text += f" · {sound}" if "sound" in sound else f" · sound: {sound}"
            hint.offers = _offers(item)

    def _switch_error(self) -> str:
        for intent, name in _SWITCHES.items():
            view: ToggleView = getattr(self._model.call, TOGGLES[intent])
            if view.error:
                return f"{name}: {words.clean(view.error)}"
        return ""

    # -- actions -----------------------------------------------------------------------------------------------------

    @on(ControlButton.Pressed)
    def _on_button(self, message: ControlButton.Pressed) -> None:
        self.action_perform(message.action.id)

    @on(PeoplePanel.Toggled)
    def _on_row_toggled(self) -> None:
        self._toggle_row()

    def action_perform(self, action_id: str) -> None:
        """Do what the table's action says."""
        action = by_id(action_id)
        if action.intent in TOGGLES:
            self._toggle_switch(action)
        else:
            self._own[action_id](self)

    def _toggle_switch(self, action: Action) -> None:
        if self._model.is_waiting(action.intent):
            return  # the first press has not been answered; a second one would only be a guess
        wanted = not self._model.toggle(action.intent).on
        word = "on" if wanted else "off"
        self._told_error = ""
        self.session.ask(
            action.intent, {"value": wanted}, what=f"{_SWITCHES[action.intent]} {word}"
        )

    def _toggle_row(self) -> None:
        item = self.query_one(PeoplePanel).selected
        if item is None:
            return
        publication = item.publication
        if publication is None:
            self.notify(
                "Select one of the rows below the name.", title=words.shown_name(item.person)
            )
            return
        if publication.key in self._model.waiting_rows():
            return
        if publication.local:
            self._mute(publication)
        else:
            self._subscribe(item, publication)

    def _mute(self, publication: PublicationView) -> None:
        word = "Unmute" if publication.muted else "Mute"
        self.session.ask(
            "set_muted",
            {"key": publication.key, "value": not publication.muted},
            what=f"{word} {words.source(publication)}",
            key=publication.key,
        )

    def _subscribe(self, item: Item, publication: PublicationView) -> None:
        wanted = publication.subscription in (Subscription.OFF, Subscription.FAILED)
        word = "Subscribe to" if wanted else "Unsubscribe from"
        self.session.ask(
            "set_subscribed",
            {"key": publication.key, "value": wanted},
            what=f"{word} {words.source(publication)} of {words.shown_name(item.person)}",
            key=publication.key,
        )

    def _unpublish(self) -> None:
        item = self.query_one(PeoplePanel).selected
        publication = item.publication if item else None
        if publication is None or not publication.local:
            self.notify("Select a row of your own to unpublish it.")
            return
        self.session.ask(
            "unpublish_track",
            {"key": publication.key},
            what=f"Unpublish {words.source(publication)}",
            key=publication.key,
        )

    def _cycle_connection(self) -> None:
        person = self.selected_person()
        if person is None or person.local:
            self.notify("Select somebody else to choose how you hear them.")
            return
        mode = _MODES[(_MODES.index(person.connection_mode) + 1) % len(_MODES)]
        self.session.ask(
            "set_audio_connection_mode",
            {"participant": person.identity, "mode": mode.value},
            what=f"Hear {words.shown_name(person)}: {mode.value}",
        )

    def _down(self) -> None:
        self._move(1)

    def _up(self) -> None:
        self._move(-1)

    def _move(self, steps: int) -> None:
        self._told_error = self._switch_error()
        self.query_one(PeoplePanel).move(steps)

    def _toggle_log(self) -> None:
        self._log_wanted = not self.query_one(LogPanel).display
        if self.map_is_open:  # it stood in the log's place
            self.close_map()
        self._show_log()

    def _show_log(self) -> None:
        wanted = self._log_wanted
        self.set_class(wanted is True, "-log")
        self.set_class(wanted is False, "-no-log")

    def _close_panel(self) -> None:
        if self.query_one(Stage).solo:
            self._show_alone(False)
            return
        if self.map_is_open:
            self.close_map()
            return
        if self._log_wanted:
            self._log_wanted = None
            self._show_log()
        self._told_error = self._switch_error()
        self._show_hint()

    def _copy_invite(self) -> None:
        invite = self._model.call.invite
        if not invite:
            self.notify("There is no invitation yet.")
            return
        self.app.copy_to_clipboard(invite)
        self.notify(words.clean(invite), title="Copied")

    def _help(self) -> None:
        from engage_tui.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen())

    def _leave(self) -> None:
        if self._model.call.phase is not Phase.LEFT:
            self.query_one(HintLine).text = "leaving …"
        self.run_worker(self.app.run_action("leave"), name="leave", exit_on_error=True)

    _own: dict[str, Callable[[Any], None]] = {
        "toggle_row": _toggle_row,
        "unpublish_row": _unpublish,
        "cycle_connection": _cycle_connection,
        "row_down": _down,
        "row_up": _up,
        "toggle_log": _toggle_log,
        "close_panel": _close_panel,
        "copy_invite": _copy_invite,
        "help": _help,
        "leave": _leave,
        "leave_anywhere": _leave,
        **pictures.OWN,
        **surroundings.OWN,
    }

    def on_resize(self) -> None:
        """Below 100 columns people become a strip above the faces; below 60 the list is the app."""
        for panel in self.query(
            PeoplePanel
        ):  # none, if the app ends while this screen is being made
            panel.strip_mode = 60 <= self.size.width < 100


def _offers(item: Item) -> str:
    publication = item.publication
    if publication is None:
        return "" if item.person.local else "n hear: auto, always, never   + - volume"
    if publication.local:
        return f"s {'unmute' if publication.muted else 'mute'}   u unpublish"
    off = publication.subscription in (Subscription.OFF, Subscription.FAILED)
    return "s subscribe" if off else "s unsubscribe"
