"""Where the person hears the others: opened, changed, lost and found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engage_tui.engine.messages import Left
from engage_tui.errors import EngageError

if TYPE_CHECKING:
    from engage_tui.engine.call import Call


class Speaker:
    """Opens the wanted speaker, and tells the person what becomes of it.

    Args:
        call: The call that is heard.

    Attributes:
        words: The device's name, or why there is no sound; empty before one is opened.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self.words = ""

    async def open(self) -> None:
        """Hear by the speaker that is wanted; without one the call goes on unless it was named."""
        call = self._call
        try:
            await self.choose(call.start.speaker)
        except EngageError as error:
            if "speaker" in call.start.required.split(","):
                call.end(Left("error", error.exit_code, error.message, error.hint))
            else:
                call.notice("warning", str(error))
        call.touch()

    async def choose(self, device: str) -> None:
        """Hear by a device, or by none (``off``).

        Raises:
            DeviceError: It cannot be opened; then nothing is heard.
        """
        space = self._call.space
        assert space is not None
        space.on_output(self.changed)
        try:
            await space.set_output(None if device == "off" else device)
        except EngageError as error:
            self.words = f"no sound: {error.message}"
            raise
        self.words = space.mixer.output.label

    def changed(self, error: EngageError | None) -> None:
        """The device is gone (`error`), or there is one again."""
        call = self._call
        assert call.space is not None
        if error is not None:
            self.words = f"no sound: {error.message}"
            call.notice("warning", str(error))
        else:
            self.words = call.space.mixer.output.label
            call.notice("log", f"Sound comes from {self.words}.")
        call.touch()
