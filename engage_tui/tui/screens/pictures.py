"""What one does to the pictures of a call: another mode, fill, mirror, one alone, one kept."""

from __future__ import annotations

from collections.abc import Callable

from engage_tui.errors import UsageError
from engage_tui.render import snapshot
from engage_tui.sdk.enums import TrackKind
from engage_tui.tui.model import others
from engage_tui.tui.outlook import outlook_of
from engage_tui.tui.screens.surroundings import Surroundings
from engage_tui.tui.widgets.control_bar import ControlBar
from engage_tui.tui.widgets.people import PeoplePanel
from engage_tui.tui.widgets.stage import Stage


class Pictures(Surroundings):
    """A screen with a stage, a people panel and a control bar."""

    def _cycle_picture(self) -> None:
        outlook_of(self.app).cycle()
        self.restyle()

    def _toggle_fill(self) -> None:
        outlook = outlook_of(self.app)
        outlook.fill = not outlook.fill
        self.restyle()

    def _toggle_mirror(self) -> None:
        outlook = outlook_of(self.app)
        outlook.mirror = not outlook.mirror
        self.restyle()

    def restyle(self) -> None:
        """Draw as the outlook has it now, and say so."""
        outlook = outlook_of(self.app)
        self.query_one(ControlBar).show_picture(
            "resting" if outlook.resting else outlook.mode.value
        )
        self.query_one(Stage).restyle()

    def _show_alone(self, wanted: bool | None = None) -> None:
        stage = self.query_one(Stage)
        alone = not stage.solo if wanted is None else wanted
        key = self._most_wanted() if alone else ""
        stage.show_alone(key)
        self.set_class(bool(key), "-solo")
        if alone and not key:
            self.notify("There is nobody to show.")

    def _most_wanted(self) -> str:
        """The selected picture or person, else who speaks, else the first on the stage."""
        item = self.query_one(PeoplePanel).selected
        if item is not None:
            publication = item.publication
            if publication is not None and publication.kind is TrackKind.VIDEO:
                return publication.key
            return item.person.identity
        people = others(self.session.model.people.values())
        speaking = [each.identity for each in people if each.speaking]
        return next(iter(speaking or [each.identity for each in people]), "")

    def _snapshot(self) -> None:
        wanted = self._most_wanted()
        tiles = [tile for tile in self.query_one(Stage).tiles if tile.has_picture]
        tile = next((each for each in tiles if each.belongs(wanted)), next(iter(tiles), None))
        taken = tile.snapshot() if tile is not None else None
        if tile is None or taken is None:
            self.notify("There is no picture to save.")
            return
        who = tile.person.identity if tile.person is not None else "picture"
        try:
            image, _ = snapshot.keep(who, *taken)
        except UsageError as error:
            self.notify(f"{error.message} {error.hint}", severity="error", markup=False)
            return
        self.notify(str(image), title="Saved, and as .ans beside it", markup=False)


OWN: dict[str, Callable[[Pictures], None]] = {
    "cycle_picture": Pictures._cycle_picture,
    "show_alone": Pictures._show_alone,
    "toggle_fill": Pictures._toggle_fill,
    "toggle_mirror": Pictures._toggle_mirror,
    "snapshot": Pictures._snapshot,
}
"""Its actions by the table's names."""
