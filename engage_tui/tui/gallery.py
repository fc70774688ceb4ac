"""The pictures that hang on the terminal as pixels: one encoder for each place, and taking all of them down."""

from __future__ import annotations

from dataclasses import dataclass, field

from engage_tui.render.images import ImageEncoder, PixelMode, image_encoder
from engage_tui.render.terminal import Terminal


@dataclass(slots=True)
class Gallery:
    """What is shown as pixels, by the number of the tile; at most one picture for each."""

    _encoders: dict[int, tuple[PixelMode, ImageEncoder]] = field(default_factory=dict)

    def encoder(self, number: int, mode: PixelMode, terminal: Terminal) -> ImageEncoder:
        """The encoder of a tile's place; a new one when the mode has changed.

        Args:
            number: Of the tile, 0 to 254.
            mode: How to send.
            terminal: Where it is shown.
        """
        known = self._encoders.get(number)
        if known is not None and known[0] is mode:
            return known[1]
        if known is not None:
            known[1].close()
        made = image_encoder(
            mode, number + 1, local=not terminal.remote, registers=terminal.registers
        )
        self._encoders[number] = (mode, made)
        return made

    def take_down(self, number: int) -> str:
        """What takes a tile's picture off the screen; empty when overwriting its cells does."""
        known = self._encoders.pop(number, None)
        if known is None:
            return ""
        text = known[1].clear()
        known[1].close()
        return text

    def clear(self) -> str:
        """What takes all pictures off the screen."""
        return "".join([self.take_down(number) for number in list(self._encoders)])
