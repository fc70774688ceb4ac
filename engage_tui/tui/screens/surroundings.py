"""What of the call's screen concerns where and how loud people are heard: the map, seats and volumes."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ScreenStackError
from textual.screen import Screen

from engage_tui.engine.messages import Outcome
from engage_tui.engine.view import PersonView, SoundView
from engage_tui.tui import words
from engage_tui.tui.model import Waiting
from engage_tui.tui.screens.devices import DevicesScreen
from engage_tui.tui.screens.page import Page
from engage_tui.tui.screens.sounds import SoundsScreen
from engage_tui.tui.session import Session
from engage_tui.tui.widgets import map_lines
from engage_tui.tui.widgets.hint import HintLine
from engage_tui.tui.widgets.people import PeoplePanel
from engage_tui.tui.widgets.space_map import SpaceMap

_SEATINGS = ("circle", "table", "row")
_OFFERS = {
    True: ("↑ ↓ walk  ← → turn  Tab next  h seats  Esc close", "arrows walk, turn  Tab next  Esc"),
    False: ("arrows move  n hear  + - volume  Tab next  Esc close", "arrows move  + -  Tab  Esc"),
}
_SOUND_OFFERS = "arrows move  + -  Delete stop  Esc"
_ROOMY = 110  # columns from which there is room for all of them


class Surroundings(Page):
    """The part of the call's screen that is about the space around oneself.

    The map and the list of people have one selection between them, so that every key of a row works on the map too.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._talk_by = "hold"
        self._typed_path = ""

    @property
    def map(self) -> SpaceMap:
        """The map."""
        return self.query_one(SpaceMap)

    @property
    def map_is_open(self) -> bool:
        """Whether the map is shown."""
        return self.has_class("-map")

    def show_map(self) -> None:
        """Draw where everybody is, if the map is open."""
        if self.map_is_open:
            model = self.session.model
            self.map.show(model.people, model.call.hearing)

    def follow_selection(self, identity: str) -> None:
        """Somebody was selected in the list, which knows no sounds."""
        if self.map_is_open and self._sound(self.map.chosen) is None:
            self.map.chosen = identity

    def show_panel(self) -> None:
        """Show the call as it is now in the panel over it, if there is one."""
        panel = self._panel
        if isinstance(panel, DevicesScreen | SoundsScreen) and panel.ready:
            panel.show()

    def show_panel_levels(self) -> None:
        """Move the panel's meter."""
        panel = self._panel
        if isinstance(panel, DevicesScreen) and panel.ready:
            panel.show_levels()

    @property
    def _panel(self) -> Screen[object] | None:
        """Whatever lies over everything; None: the app ends and has no screens any more."""
        try:
            return self.app.screen
        except ScreenStackError:
            return None

    def map_hint(self) -> bool:
        """Say in the hint line what is selected on the map; False: the map has not the focus."""
        if not self.map_is_open or self.focused is not self.map:
            return False
        model, hint = self.session.model, self.query_one(HintLine)
        sound = self._sound(self.map.chosen)
        if sound is not None:
            hint.text, hint.offers = map_lines.explain_sound(sound, model.me), _SOUND_OFFERS
            return True
        person = model.people.get(self.map.chosen)
        if person is None:
            return False
        hint.text = map_lines.explain(person, model.me, model.call.hearing.reach)
        hint.offers = _OFFERS[person.local][self.size.width < _ROOMY]
        return True

    # -- actions -----------------------------------------------------------------------------------------------------

    def toggle_map(self) -> None:
        """Open the map with oneself selected, or close it."""
        if self.map_is_open:
            self.close_map()
            return
        self.add_class("-map")
        self.show_map()
        me = self.session.model.me
        if me is not None:
            self.map.chosen = me.identity
            self.query_one(PeoplePanel).select((me.identity, ""))
        self.map.focus()
        self.call_after_refresh(self.map_hint)

    def close_map(self) -> None:
        """Back to the list."""
        self.remove_class("-map")
        self.query_one(PeoplePanel).focus()

    def open_devices(self) -> None:
        """Open the panel with devices and voices."""
        panel = DevicesScreen(self.session, self._talk_by)

        def closed(_: None) -> None:
            self._talk_by = panel.talk

        self.app.push_screen(panel, closed)

    def open_sounds(self) -> None:
        """Open the panel with sounds of one's own."""

        def closed(typed: str | None) -> None:
            self._typed_path = typed or ""

        self.app.push_screen(SoundsScreen(self.session, self._typed_path), closed)

    def show_failure(self, waiting: Waiting, outcome: Outcome) -> None:
        """A sound that does not play says so where it was asked for."""
        panel = self._panel
        if waiting.name == "play_sound" and isinstance(panel, SoundsScreen):
            panel.show_error(" ".join(each for each in (outcome.error, outcome.hint) if each))
        else:
            super().show_failure(waiting, outcome)

    def talk(self) -> None:
        """Push to talk: each press holds it a moment longer, or the second one ends it."""
        arguments: dict[str, object] = {"value": True}
        if self._talk_by == "press":
            talking = self.session.model.call.processing.talking
            arguments = {"value": not talking, "hold": 0}
        self.session.ask("talk", arguments, what="Push to talk")

    def cycle_seats(self) -> None:
        """Seat everybody another way."""
        now = self.session.model.call.hearing.seating
        place = _SEATINGS.index(now) if now in _SEATINGS else -1
        wanted = _SEATINGS[(place + 1) % len(_SEATINGS)]
        self.session.ask("arrange_seats", {"seating": wanted}, what=f"Seats: {wanted}")
        self.notify(f"Seats: {wanted}", timeout=2)

    def louder(self) -> None:
        """Hear the selected person louder."""
        self._change_volume(1)

    def quieter(self) -> None:
        """Hear the selected person less loud."""
        self._change_volume(-1)

    def _change_volume(self, steps: int) -> None:
        sound = self._sound(self.map.chosen) if self.focused is self.map else None
        if sound is not None:
            arguments: dict[str, object] = {"sound": sound.key, "steps": steps}
            self.session.ask("set_volume", arguments, what=f"Volume of {sound.label}")
            return
        person = self.selected_person()
        if person is None or person.local:
            self.notify("Select somebody else to change how loud you hear them.")
            return
        self.session.ask(
            "set_volume",
            {"participant": person.identity, "steps": steps},
            what=f"Volume of {words.shown_name(person)}",
        )

    def _sound(self, key: str) -> SoundView | None:
        sounds = self.session.model.call.hearing.sounds
        return next((each for each in sounds if each.key == key), None)

    def selected_person(self) -> PersonView | None:
        """Who is selected, on the map if that has the focus: the list follows it a moment later."""
        if self.focused is self.map:
            return self.session.model.people.get(self.map.chosen)
        item = self.query_one(PeoplePanel).selected
        return item.person if item is not None else None

    # -- the map's wishes --------------------------------------------------------------------------------------------

    @on(SpaceMap.Chosen)
    def _on_chosen(self, message: SpaceMap.Chosen) -> None:
        self.query_one(PeoplePanel).select((message.key, ""))  # a sound is in no list
        self.map_hint()

    @on(SpaceMap.Walked)
    def _on_walked(self, message: SpaceMap.Walked) -> None:
        steps: dict[str, object] = {
            "ahead": message.ahead,
            "right": message.right,
            "turn": message.turn,
        }
        self.session.ask("walk", steps, what="Walking")

    @on(SpaceMap.Faced)
    def _on_faced(self, message: SpaceMap.Faced) -> None:
        self.session.ask("face", {"degrees": message.degrees}, what="Turning")

    @on(SpaceMap.Placed)
    def _on_placed(self, message: SpaceMap.Placed) -> None:
        kind = "participant" if self._sound(message.key) is None else "sound"
        self.session.ask(
            "place",
            {kind: message.key, "x": message.x, "y": message.y, "by": message.by},
            what="Moving",
        )

    @on(SpaceMap.Removed)
    def _on_removed(self, message: SpaceMap.Removed) -> None:
        if self._sound(message.key) is not None:
            self.session.ask("stop_sound", {"sound": message.key}, what="Stopping a sound")


OWN: dict[str, Callable[[Surroundings], None]] = {
    "toggle_map": Surroundings.toggle_map,
    "devices": Surroundings.open_devices,
    "sounds": Surroundings.open_sounds,
    "talk": Surroundings.talk,
    "cycle_seats": Surroundings.cycle_seats,
    "louder": Surroundings.louder,
    "quieter": Surroundings.quieter,
}
"""Its actions by the table's names."""
