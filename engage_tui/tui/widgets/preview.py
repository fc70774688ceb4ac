"""The lobby's tile: one's own camera, before anybody else sees it."""

from __future__ import annotations

from engage_tui.engine import messages
from engage_tui.engine.view import ToggleView
from engage_tui.tui import words
from engage_tui.tui.outlook import outlook_of
from engage_tui.tui.widgets.arrange import MOST
from engage_tui.tui.widgets.caption import Caption
from engage_tui.tui.widgets.stage import Stage
from engage_tui.tui.widgets.tile import Tile

KEY = "preview"
"""What `messages.Watch` calls the lobby's camera."""

NUMBER = MOST
"""The first number that no tile of the stage has."""


class Preview(Tile):
    """Shows the camera that would be published; posts `Stage.WatchChanged` like the stage."""

    DEFAULT_CSS = """
    Preview { height: 12; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(NUMBER, id=id, classes=classes)
        self._camera = ToggleView()
        self._wanted = False
        self._hidden = False
        self._watch = messages.Watch(NUMBER, "")

    def show_preview(self, camera: ToggleView, *, wanted: bool) -> None:
        """Show how the camera is doing.

        Args:
            camera: `LobbyView.camera`.
            wanted: Whether the person has switched it on.
        """
        self._camera, self._wanted = camera, wanted
        if not wanted:
            reason = "camera off"
        elif camera.error:
            reason = "no picture"  # the row of the device says why
        else:
            reason = "waiting for the first picture"
        self.assign(KEY if wanted else "", None, reason=reason)
        self._redraw_caption()
        self._say()

    def _say(self) -> None:
        outlook = outlook_of(self.app)
        seen = self._wanted and not self._hidden and not outlook.resting
        width, height = self.pixels if seen else (0, 0)
        watch = messages.Watch(NUMBER, "")
        if width and height:
            watch = messages.Watch(NUMBER, KEY, width, height, outlook.plan.front)
        if watch != self._watch:
            self._watch = watch
            self.post_message(Stage.WatchChanged(watch))

    def on_tile_resized(self, event: Tile.Resized) -> None:
        """Another size, other pictures."""
        event.stop()
        self._say()

    def on_hide(self) -> None:
        """Nobody looks: nothing is to be scaled."""
        self._hidden = True
        self._say()

    def on_show(self) -> None:
        """Somebody looks again."""
        self._hidden = False
        self._say()

    @property
    def _own_camera(self) -> bool:
        return True

    def _caption_line(self, width: int) -> Caption:
        label = words.shorten(self._camera.label or "camera", max(0, width - 3))
        return Caption(words.fit(label, max(0, width - 2)), "", "", False)
