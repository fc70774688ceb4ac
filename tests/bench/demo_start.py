"""How long the demo takes to show its first picture: ``python -m tests.bench.demo_start [RUNS]``."""

from __future__ import annotations

import statistics
import sys
import time

from tests.terminal.terminal import Terminal

_PICTURE = 150  # different cell colours; words alone have fewer than thirty


def first_picture() -> tuple[float, float]:
    """Seconds from the command to its first words and to its first picture, at 160x45."""
    start = time.monotonic()
    with Terminal("demo", columns=160, rows=45) as terminal:
        terminal.until("People")
        words = time.monotonic() - start
        terminal.until_true(lambda: terminal.coloured_cells() > _PICTURE, "a picture")
        picture = time.monotonic() - start
        terminal.keys("q")
        assert terminal.exit_code() == 0
    return words, picture


def main() -> None:
    """Run the demo several times and print the medians."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    taken = [first_picture() for _ in range(runs)]
    words, pictures = zip(*taken, strict=True)
    print(f"first words   {statistics.median(words):.2f} s  {[round(each, 2) for each in words]}")
    print(f"first picture {statistics.median(pictures):.2f} s  {[round(e, 2) for e in pictures]}")


if __name__ == "__main__":
    main()
