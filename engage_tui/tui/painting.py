"""Painting pictures only when the terminal has swallowed what was written before.

Textual's writer thread has a queue of 30 writes, and its `put` blocks the event loop: with a terminal at the far end of
a slow line, pictures would fill it and no key would be answered any more. So a driver counts what is on its way
(`PacedDriver`), and the `Painter` keeps the newest picture of every tile until little is; it then paints about as much
as drains in 80 ms at the measured rate. A slow terminal costs pictures, never keys.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.geometry import Region

from engage_tui.engine.messages import Credit, Picture
from engage_tui.tui import direct
from engage_tui.tui.driver import Paced, driver_of
from engage_tui.tui.governor import Governor, Load, Plan, saves
from engage_tui.tui.outlook import outlook_of
from engage_tui.tui.widgets.surface import Part
from engage_tui.tui.widgets.tile import Tile

_log = logging.getLogger(__name__)

STALE = 1.0
"""Seconds after which a picture is not worth painting."""

_WATCHDOG = 0.25  # a wake-up that got lost costs this many seconds, never the picture
_LEARNED = 3  # measurements until the terminal is called slow
_BEHIND_MODAL = 0.5  # seconds between pictures that lie under another screen


class Painter:
    """Brings pictures to their tiles when the terminal has time, and gives credits back when they are seen."""

    def __init__(
        self,
        app: App[Any],
        credit: Callable[[Credit], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Paint on an app; call `start` when it is mounted.

        Args:
            app: Whose screens hold the tiles.
            credit: Sends a credit to the engine.
            clock: The clock of `Picture.stamp`.
        """
        self._app = app
        self._credit = credit
        self._clock = clock
        self._newest: dict[int, Picture] = {}  # one a tile: the newest wins
        self._tiles: dict[int, Tile] = {}
        self._painting: dict[int, tuple[Tile, Picture]] = {}  # begun, not seen yet; one a tile
        self._written = False  # what was begun has been given to the writer
        self._last: dict[int, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._governor = Governor()
        self._plan = outlook_of(app).plan
        self._cpu = 0.0
        self._bytes = 0
        self._texts: list[str] = []  # of this moment, past Textual
        self._composed = False  # whether something of this moment goes through Textual
        self._offered = False  # whether a step will come for what was offered
        self.painted = 0
        self.dropped = 0

    def start(self) -> None:
        """Begin to paint; inside the app's loop."""
        self._loop = asyncio.get_running_loop()
        driver = self._driver()
        if driver is not None:
            driver.meter.on_idle(self._wake)
        self._app.set_interval(_WATCHDOG, self._look_around, name="painter")
        self._cpu = time.process_time()
        self._app.set_interval(1.0, self._govern, name="governor")

    def stop(self) -> None:
        """Paint no more."""
        driver = self._driver()
        if driver is not None:
            driver.meter.on_idle(None)
        self._loop = None

    def offer(self, picture: Picture) -> None:
        """Take a picture; an older one of the same tile, if it still waits, is dropped and its credit given back."""
        older = self._newest.pop(picture.tile, None)
        if older is not None:
            self._drop(older)
        self._newest[picture.tile] = picture
        if self._loop is not None and not self._offered:  # those that come together are one write
            self._offered = True
            self._loop.call_soon(self._step)

    def _look_around(self) -> None:
        """Some times a second: what nobody offers, and what got lost."""
        self._hang_portraits()
        self._step()

    def _hang_portraits(self) -> None:
        """Show initials as pixels where those are shown: there is no picture that would bring them."""
        driver, outlook = self._driver(), outlook_of(self._app)
        if (
            driver is None
            or not driver.ready
            or outlook.image is None
            or not self._app.screen_stack
        ):
            return
        texts = []
        for tile in self._app.screen.query(Tile):
            where = self._place(tile)
            if where is not None and tile.hang_portrait(where):
                texts += self._parts_at(where, tile.take(None))
        if texts:
            driver.paint(direct.frame(texts, sync=outlook.terminal.sync))

    def _parts_at(self, where: Region, parts: list[Part]) -> list[str]:
        """What shows parts of a tile that stands there, past Textual."""
        return [
            direct.at(where.x + part.column, where.y + part.row, part.written(self._app.console))
            for part in parts
        ]

    # -- the two halves of a step ------------------------------------------------------------------------------------

    def _wake(self) -> None:
        """On the writer's thread: the terminal has taken everything."""
        loop = self._loop
        if loop is not None and (self._newest or self._painting):
            try:
                loop.call_soon_threadsafe(self._step)
            except RuntimeError:  # the loop has closed: the app ends while its writer drains
                self._loop = None

    def _step(self) -> None:
        self._offered = False
        self._drop_stale()
        if not self._ready() or not self._app.screen_stack:
            return
        if self._painting:
            if not self._written:
                return  # Textual has not drawn it yet
            self._settle()
        self._paint()

    def _ready(self) -> bool:
        driver = self._driver()
        return driver is None or driver.ready

    def _settle(self) -> None:
        """What was begun has reached the terminal: whole pictures give their credit back."""
        for number, (tile, picture) in list(self._painting.items()):
            if not tile.unfinished or not tile.is_attached:
                del self._painting[number]
                self.painted += 1
                self._credit(Credit(number, picture.number))

    def _paint(self) -> None:
        """Begin as many pictures, or go on with as much of them, as there is room for."""
        driver = self._driver()
        left = driver.meter.room if driver is not None else 1 << 30
        self._texts, self._composed = [], False
        begun = [tile for tile, _ in self._painting.values()]
        for each in begun:
            if left > 0:
                left -= self._advance(each, left, self._place(each))
        for number in sorted(self._newest, key=lambda tile: self._newest[tile].stamp):
            if left <= 0:
                break
            tile = self._tile(number)
            if number in self._painting or not self._due(number, tile):
                continue
            left -= self._begin(self._newest.pop(number), tile, left)
        if driver is not None and self._texts:
            driver.paint(direct.frame(self._texts, sync=outlook_of(self._app).terminal.sync))
        self._written = not self._composed
        if self._composed:
            self._app.screen.call_after_refresh(self._drawn)
        elif self._painting and self._ready():
            self._settle()

    def _begin(self, picture: Picture, tile: Tile | None, left: int) -> int:
        if tile is None or tile.key != picture.key:
            self._drop(picture)
            return 0
        where = self._place(tile)
        try:
            tile.begin(picture, where)
        except ValueError:  # its bytes do not fit its size; one bad picture shall not end the call
            self._drop(picture)
            return 0
        self._painting[picture.tile] = (tile, picture)
        self._last[picture.tile] = self._clock()
        return self._advance(tile, left, where)

    def _advance(self, tile: Tile, left: int, where: Region | None) -> int:
        """Show more of a picture: past Textual where nothing lies over the tile."""
        if where is None:
            size = tile.advance(left)
            self._composed = self._composed or size > 0
            return size
        texts = self._parts_at(where, tile.take(left))
        self._texts += texts
        return sum(map(len, texts))

    def _place(self, tile: Tile) -> Region | None:
        return direct.place_on(self._app.screen, tile) if self._driver() is not None else None

    def _drawn(self) -> None:
        """Textual has given it to the writer."""
        self._written = True
        self._step()

    # -- what it costs -----------------------------------------------------------------------------------------------

    def _govern(self) -> None:
        """Once a second: look at what pictures cost, and have the tiles ask for what they may."""
        driver = self._driver()
        if driver is None:
            return
        meter, outlook = driver.meter, outlook_of(self._app)
        cpu, written = time.process_time(), meter.written
        load = Load(cpu - self._cpu, (written - self._bytes) / meter.rate)
        self._cpu, self._bytes = cpu, written
        slow = saves(outlook.slow, meter.rate) if meter.learned >= _LEARNED else outlook.slow
        ways = len(outlook.ladder)
        if (
            outlook.plan is not self._plan
        ):  # the person has chosen another way of drawing: it gets its chance
            self._governor = Governor()
        self._plan = self._governor.second(load, ways)
        self.replan(self._plan, slow)

    def replan(self, plan: Plan, slow: bool) -> None:
        """Have every tile draw and ask according to a plan."""
        outlook = outlook_of(self._app)
        if (plan, slow) == (outlook.plan, outlook.slow):
            outlook.plan = plan
            return
        restyle = plan.economy != outlook.plan.economy
        _log.info("pictures: %s, slow=%s", plan, slow)
        outlook.plan, outlook.slow = plan, slow
        for screen in self._app.screen_stack:
            for tile in screen.query(Tile):
                tile.retune() if restyle else tile.post_message(Tile.Resized(tile))

    # -- what is not painted -----------------------------------------------------------------------------------------

    def _due(self, number: int, tile: Tile | None) -> bool:
        """Under another screen every picture means drawing both anew: seldom."""
        if tile is None or tile.screen is self._app.screen:
            return True
        return self._clock() - self._last.get(number, -1e9) >= _BEHIND_MODAL

    def _drop_stale(self) -> None:
        now = self._clock()
        for number, picture in list(self._newest.items()):
            if now - picture.stamp > STALE:
                self._drop(self._newest.pop(number))

    def _drop(self, picture: Picture) -> None:
        self.dropped += 1
        self._credit(Credit(picture.tile, picture.number))

    # -- who is who --------------------------------------------------------------------------------------------------

    def _tile(self, number: int) -> Tile | None:
        known = self._tiles.get(number)
        if (
            known is not None
            and known.is_attached
            and (
                direct.place_on(self._app.screen, known) is not None  # sooner known than its screen
                or known.screen in self._app.screen_stack
            )
        ):
            return known
        for screen in reversed(self._app.screen_stack):
            tiles: list[Tile] = list(screen.query(Tile))
            for tile in tiles:
                if tile.number == number:
                    self._tiles[number] = tile
                    return tile
        return None

    def _driver(self) -> Paced | None:
        return driver_of(self._app)
