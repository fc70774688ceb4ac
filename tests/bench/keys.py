"""How long a key takes to show while pictures come: ``python -m tests.bench.keys [--rate 200000] [--video MODE]``.

The app in a call with nine cameras, on a pseudo terminal that reads so many bytes a second and answers when it is asked
for its status. From the key press until the terminal has read the switch's new word.
"""

from __future__ import annotations

import random
import statistics
import time

from tests.bench.clip import arguments
from tests.bench.reader import Reader

SIZE = (170, 50)
GOAL = 0.12


def main() -> None:
    """Print the distribution, and what pictures got through."""
    parser = arguments(__doc__)
    parser.add_argument("--rate", type=float, default=200_000, help="bytes a second; 0: no limit")
    parser.add_argument("--video", default="auto")
    parser.add_argument("--presses", type=int, default=60)
    parser.add_argument("--settle", type=float, default=10.0, help="seconds before the first press")
    wish = parser.parse_args()
    command = ["tests.bench.keys_app", wish.video, *([wish.clip] if wish.clip else [])]
    dice = random.Random(1)
    with Reader(command, SIZE, wish.rate) as reader:
        reader.until(b"MIC ON", 40)
        reader.drain(wish.settle)
        taken = []
        start, before = time.monotonic(), reader.read
        for press in range(wish.presses):
            reader.drain(dice.uniform(0.2, 0.5))
            reader.type(b"m")
            taken.append(reader.until(b"MIC ON" if press % 2 else b"MIC OFF", 10))
        rate = (reader.read - before) / (time.monotonic() - start)
        reader.type(b"q")
        reader.drain(3.0)
    taken.sort()
    p95 = taken[int(0.95 * (len(taken) - 1))]
    print(
        f"{wish.video} at {wish.rate / 1000:.0f} kB/s, nine tiles: median "
        f"{statistics.median(taken) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms (goal {GOAL * 1000:.0f}), "
        f"most {taken[-1] * 1000:.0f} ms; {rate / 1000:.0f} kB/s were read"
    )


if __name__ == "__main__":
    main()
