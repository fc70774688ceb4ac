"""What an app has to do with pictures: whose terminal it is, whether somebody looks, and who paints."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from textual.app import App
from textual.driver import Driver
from textual.timer import Timer

from engage_tui.engine import messages as wire
from engage_tui.tui import themes
from engage_tui.tui.driver import TerminalKnown, paced
from engage_tui.tui.outlook import Outlook
from engage_tui.tui.painting import Painter
from engage_tui.tui.screens.page import Page

REST = 3.0
"""Seconds without the focus after which pictures rest."""


class PictureApp(App[wire.Left]):
    """An app that shows pictures, as its terminal can and only while somebody looks.

    Attributes:
        outlook: The terminal, and how pictures are wanted.
        painter: Brings pictures to their tiles; `start` it when the app is mounted.
    """

    def __init__(self, outlook: Outlook, credit: Callable[[wire.Credit], None]) -> None:
        """Make the app.

        Args:
            outlook: The terminal, and how pictures are wanted.
            credit: Tells the engine that a picture was painted.
        """
        self.outlook = outlook
        super().__init__()
        self.painter = Painter(self, credit)
        self._blurred: Timer | None = None

    @property
    @abstractmethod  # Textual has a metaclass of its own: only the type checker holds children to it
    def standing(self) -> Page:
        """The page that can draw."""

    def get_driver_class(self) -> type[Driver]:
        """A driver that knows how far the terminal is: pictures wait for it, keys do not."""
        return paced(super().get_driver_class())

    def on_resize(self) -> None:
        """Another font has cells of another shape, and pictures keep theirs."""
        if self.outlook.refresh_cell():
            self.standing.restyle()
        self.standing.take_down_images()

    def on_terminal_known(self, event: TerminalKnown) -> None:
        """Late answers: pictures are drawn as the terminal can, and the look suits its background, from now on."""
        self.outlook.learn(event.answers)
        themes.suit(self)
        self.standing.restyle()

    def on_app_blur(self) -> None:
        """Another window has the focus: after a while nothing is drawn any more."""
        self._blurred = self.set_timer(REST, self._rest)

    def on_app_focus(self) -> None:
        """Somebody looks again."""
        if self._blurred is not None:
            self._blurred.stop()
        self._rest(False)

    def _rest(self, resting: bool = True) -> None:
        if resting != self.outlook.resting:
            self.outlook.resting = resting
            self.standing.restyle()
