"""A voice over a bad network: latency, concealed and silent time, ours beside aiortc's buffer.

``python -m tests.bench.audio_receiver``: virtual time, seeded, about 15 s. Medians over five seeds of 60 s each.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

from tests.lossy import Weather
from tests.voice_link import Heard, listen, listen_stock

SEEDS = range(1, 6)
SECONDS = 60.0

ROWS = (
    ("no loss", Weather()),
    ("jitter 0-20 ms", Weather(jitter=0.02)),
    ("loss 1 %", Weather(loss=0.01)),
    ("loss 2 %", Weather(loss=0.02)),
    ("loss 5 %", Weather(loss=0.05)),
    ("loss 10 %", Weather(loss=0.10)),
    ("burst of 60 ms each second", Weather(burst=0.06)),
    ("jitter 0-20 ms, loss 2 %", Weather(jitter=0.02, loss=0.02)),
)


def main() -> None:
    """Print the table."""
    print("latency ms p50/p95, concealed %, silent %; medians of 5 seeds x 60 s")
    print(f"{'network':28} {'aiortc':>22} {'ours, plain Opus':>26} {'ours, RED':>26}")
    for name, weather in ROWS:
        stock = _row(lambda seed, w=weather: listen_stock(w, seconds=SECONDS, seed=seed))  # type: ignore[misc]
        plain = _row(lambda seed, w=weather: listen(w, red=False, seconds=SECONDS, seed=seed)[0])  # type: ignore[misc]
        red = _row(lambda seed, w=weather: listen(w, red=True, seconds=SECONDS, seed=seed)[0])  # type: ignore[misc]
        print(f"{name:28} {stock:>22} {plain:>26} {red:>26}")


def _row(run: Callable[[int], Heard]) -> str:
    heard = [run(seed) for seed in SEEDS]

    def median(pick: Callable[[Heard], float]) -> float:
        return statistics.median(map(pick, heard))

    return (
        f"{median(lambda h: h.latency) * 1000:.0f}/{median(lambda h: h.latency_95) * 1000:.0f}, "
        f"{median(lambda h: h.concealed) * 100:.2f}, {median(lambda h: h.silent) * 100:.2f}"
    )


if __name__ == "__main__":
    main()
