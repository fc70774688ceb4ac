"""Tiles end to end in Textual: scaled from YUV, drawn, written to a pseudo terminal that reads everything.

``python -m tests.bench.tiles [--clip FILE] [--rounds N]``

CPU time of the whole process a set of pictures, its writer's thread included, decoding not. Textual's own floor is
empty widgets of the same size that it draws by itself at the same rate, measured in turn with ours.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.clip import arguments
from tests.bench.reader import Reader

SECONDS = 4.0


def measure(
    tiles: int, mode: str, rate: float, size: tuple[int, int], clip: str | None
) -> dict[str, Any]:
    """Run one case: seconds, cpu, ticks and pictures painted of each tile, and the bytes that were read."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = ["tests.bench.tile_app", str(tiles), mode, str(rate), str(SECONDS), str(result)]
        with Reader([*command, *([clip] if clip else [])], size) as reader:
            while reader.process.poll() is None:
                reader.step()
            found: dict[str, Any] = json.loads(result.read_text())
            found["bytes"] = reader.read
    return found


def main() -> None:
    """Print a line a case, with Textual's floor beside ours."""
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cases", type=int, default=5, help="only so many of the cases")
    wish = parser.parse_args()
    cases = [
        ("one 120x40, 15 a second", 1, "half", 15.0, (120, 41)),
        ("one 120x40, 60 a second", 1, "half", 60.0, (120, 41)),
        ("nine 40x12, 15 a second", 9, "half", 15.0, (120, 39)),
        ("one 120x40, quadrants", 1, "quadrant", 15.0, (120, 41)),
        ("one 120x40, sextants", 1, "sextant", 15.0, (120, 41)),
    ]
    print("ms: CPU a set of pictures; core: share of one; floor: Textual's own, same run")
    for name, tiles, mode, rate, size in cases[: wish.cases]:
        ours, floors = [], []
        for _ in range(wish.rounds):
            ours.append(measure(tiles, mode, rate, size, wish.clip))
            floors.append(measure(tiles, "blank", rate, size, wish.clip))
        took = statistics.median(each["cpu"] / max(1, each["painted"]) for each in ours) * 1000
        core = statistics.median(each["cpu"] / each["seconds"] for each in ours)
        shown = statistics.median(each["painted"] / each["seconds"] for each in ours)
        floor = statistics.median(each["cpu"] / each["ticks"] for each in floors) * 1000
        print(
            f"{name:26} {took:6.2f} ms  floor {floor:5.2f} ms = {took / floor:4.2f} of it  "
            f"{shown:5.1f} displayed a second at {core * 100:4.1f} % of a core",
            flush=True,
        )


if __name__ == "__main__":
    main()
