"""Keeping a space heard: its speaker is looked for again when it is gone, and the system's own steps in meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from engage_tui.errors import EngageError
from engage_tui.tasks import TaskGroup

_log = logging.getLogger(__name__)

RETRY = 1.0
"""Seconds between two tries to open a speaker that is gone; a try costs a tenth of a second."""

RETURN = 5.0
"""Seconds between two looks for a speaker that was unplugged, while another plays in its place."""

Opener = Callable[[str], Awaitable[None]]
Told = Callable[[EngageError | None], None]


class OutputCare:
    """What is done when a speaker is gone.

    Args:
        opener: Makes a device the space's output; raises a `DeviceError` when that fails.
        present: Whether a device that was gone is there again.

    Attributes:
        told: Called on the event loop with the error when sound is lost, and with None each time it is heard again.
    """

    def __init__(self, opener: Opener, present: Callable[[str], Awaitable[bool]]) -> None:
        self.told: Told | None = None
        self._open = opener
        self._present = present
        self._tasks = TaskGroup("output_care")
        self._looking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wanted: str | None = None

    def use(self, wanted: str | None) -> None:
        """This output was chosen (None: none): what was looked for before is no longer."""
        self._loop = asyncio.get_running_loop()
        self._wanted = wanted
        self._stop_looking()

    def lost(self, error: EngageError) -> None:
        """The output is gone; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._look, error)

    async def close(self) -> None:
        """Look for nothing any more."""
        self._wanted = None
        await self._tasks.cancel()

    def _look(self, error: EngageError) -> None:
        if self._wanted is None:
            return
        self._stop_looking()
        self._tell(error)
        self._looking = self._tasks.spawn(self._recover(self._wanted), "recover")

    def _stop_looking(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def _tell(self, error: EngageError | None) -> None:
        if self.told is not None:
            self.told(error)

    async def _recover(self, wanted: str) -> None:
        """Open the wanted speaker, or else the system's own; then go back to the wanted one when it is there again."""
        playing: str | None = None
        while playing != wanted:
            if playing is None:
                playing = await self._first_of(wanted, "default")
            else:
                await asyncio.sleep(RETURN)
                if not await self._present(wanted):
                    continue
                playing = await self._first_of(wanted, playing)
            if playing is None:
                await asyncio.sleep(RETRY)
            else:
                self._tell(None)

    async def _first_of(self, *devices: str) -> str | None:
        for device in dict.fromkeys(devices):
            try:
                await self._open(device)
            except EngageError as error:
                _log.info("%s is not heard: %s", device, error)
            else:
                return device
        return None
