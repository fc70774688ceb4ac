"""A narrow downlink, on a virtual clock: ``python -m tests.bench.server_downlink``.

A publisher sends three VP8 layers, 2.5 Mbit/s together, 20 pictures a second. The subscriber's link is free for 5 s,
carries 900 kbit/s (or less) for 25 s with a queue of half a second, and is free again. Printed: pictures shown in
those 25 s, the longest time without one, what the server repeated, and how long the full layer took to come back.
"""

from __future__ import annotations

import math

from rich.console import Console
from rich.table import Table

from tests.bench.downlink_model import Model, Outcome

FREE, NARROW, AGAIN = 5.0, 25.0, 40.0
"""Seconds of each part."""


def narrow(bits: float, **options: bool) -> Outcome:
    """The whole story on a link of `bits` a second."""

    def capacity(at: float) -> float:
        return bits if FREE <= at < FREE + NARROW else math.inf

    return Model(capacity, **options).run(FREE + NARROW + AGAIN)


def main() -> None:
    """Print the table."""
    table = Table(title="25 s on a narrow link, then free again")
    for heading in ("link kbit/s", "rule", "pictures", "longest gap s", "dropped", "repeated"):
        table.add_column(heading, justify="right")
    table.add_column("full again after s", justify="right")
    end = FREE + NARROW
    for bits in (900_000, 400_000, 100_000):
        for name, options in (
            ("none", {"control": False}),
            ("reports", {}),
            ("reports, REMB", {"estimates": True}),
        ):
            seen = narrow(bits, **options)
            table.add_row(
                f"{bits / 1000:.0f}",
                name,
                str(seen.frames(FREE, end)),
                f"{seen.longest_gap(FREE, end):.2f}",
                str(seen.dropped),
                f"{seen.repeated / seen.sent:.1%}",
                f"{seen.back_at('f', end) - end:.1f}",
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
