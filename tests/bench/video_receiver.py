"""A video over a bad network: pictures a second, frozen time, repairs, return after an outage; ours and aiortc's.

``python -m tests.bench.video_receiver``: virtual time, seeded. 640x360 at 15 pictures a second for 60 s, median of
five seeds; the server is a model of livekit-server's retransmission rules (see ``tests/video_link.py``).
"""

from __future__ import annotations

import statistics

from tests.lossy import Weather
from tests.video_link import Seen, watch

SEEDS = range(1, 6)
OUTAGE = (5.0, 7.0)


def main() -> None:
    """Print the table."""
    print("fps, frozen %, median repair ms, latency p50/p95 ms; median of 5 seeds x 60 s")
    print(f"{'network':22} {'aiortc':>28} {'ours':>28}")
    for rtt in (0.0, 0.05):
        for loss in (0.0, 0.02, 0.05, 0.10):
            weather = Weather(delay=rtt / 2, loss=loss)
            rows = [
                _row([watch(weather, stock=stock, seed=seed)[0] for seed in SEEDS])
                for stock in (True, False)
            ]
            print(f"RTT {rtt * 1000:2.0f} ms, loss {loss:4.0%}    {rows[0]:>28} {rows[1]:>28}")
    for rtt in (0.0, 0.05):
        back = [_back(stock, rtt) for stock in (True, False)]
        print(
            f"RTT {rtt * 1000:2.0f} ms, live again after 2 s without network: "
            f"aiortc {back[0]:.2f} s, ours {back[1]:.2f} s"
        )


def _row(seen: list[Seen]) -> str:
    return (
        f"{statistics.median(s.fps for s in seen):.1f}, "
        f"{statistics.median(s.frozen for s in seen) * 100:.2f}, "
        f"{statistics.median(s.repair for s in seen) * 1000:.0f}, "
        f"{statistics.median(s.latency for s in seen) * 1000:.0f}/"
        f"{statistics.median(s.latency_95 for s in seen) * 1000:.0f}"
    )


def _back(stock: bool, rtt: float) -> float:
    found = []
    for seed in SEEDS:
        seen, _ = watch(
            Weather(delay=rtt / 2, outages=(OUTAGE,)), stock=stock, seconds=20, seed=seed
        )
        found.append(seen.back_after(OUTAGE[1]))
    return statistics.median(found)


if __name__ == "__main__":
    main()
