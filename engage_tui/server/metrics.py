"""Counters and gauges in Prometheus' text format; no names of rooms or people are in them."""

from __future__ import annotations

import mmap
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engage_tui.server.events import Happening, RoomEvent

if TYPE_CHECKING:
    from engage_tui.server.app import RunningServer

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What a scraper is told that it gets."""

_STATM = Path("/proc/self/statm")

Sample = tuple[str, float]
"""Labels in braces, or nothing, and the value."""


class Metrics:
    """Counts events, and reads the rest from the server when it is asked.

    Attributes:
        refused: Joins that were refused, by HTTP status.
    """

    def __init__(self) -> None:
        self.refused: Counter[int] = Counter()
        self._events: Counter[Happening] = Counter()
        self._started = time.time()

    def count(self, event: RoomEvent) -> None:
        """Count an event."""
        self._events[event.kind] += 1

    def render(self, server: RunningServer) -> str:
        """Everything, as a scraper reads it."""
        lines: list[str] = []
        for name, kind, words, samples in self._families(server):
            lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
            lines += [f"{name}{labels} {value:.17g}" for labels, value in samples]
        return "\n".join(lines) + "\n"

    def _families(self, server: RunningServer) -> Iterator[tuple[str, str, str, list[Sample]]]:
        clients = [client for room in server.rooms.values() for client in room.clients.values()]
        tracks = [track for client in clients for track in client.publisher.tracks.values()]
        video = sum(track.video for track in tracks)
        limits = server.config.limits
        gauges: list[tuple[str, str, float]] = [
            ("engage_rooms", "Rooms.", len(server.rooms)),
            ("engage_participants", "People in all rooms.", len(clients)),
            ("engage_participants_limit", "People taken at most.", limits.participants),
            ("engage_video_tracks_limit", "Videos taken at most.", limits.video_tracks),
            (
                "engage_subscriptions",
                "Tracks that somebody receives.",
                sum(len(client.subscriber.subscriptions) for client in clients),
            ),
            ("process_start_time_seconds", "Unix time of the start.", self._started),
        ]
        if _STATM.exists():
            pages = int(_STATM.read_text().split()[1])
            memory = pages * mmap.PAGESIZE
            gauges.append(("process_resident_memory_bytes", "Memory in use.", memory))
        for name, words, value in gauges:
            yield name, "gauge", words, [("", value)]
        by_kind: list[Sample] = [('{kind="audio"}', len(tracks) - video), ('{kind="video"}', video)]
        yield "engage_tracks", "gauge", "Published tracks.", by_kind
        events: list[Sample] = [(f'{{event="{kind}"}}', self._events[kind]) for kind in Happening]
        yield "engage_events_total", "counter", "What happened in rooms.", events
        refused: list[Sample] = [
            (f'{{status="{code}"}}', n) for code, n in sorted(self.refused.items())
        ]
        yield "engage_joins_refused_total", "counter", "Joins refused, by HTTP status.", refused
        counters: list[tuple[str, str, float]] = [
            ("engage_datagrams_received_total", "Datagrams read.", server.mux.received),
            (
                "engage_datagrams_lost_total",
                "Datagrams that the socket did not take.",
                server.mux.dropped,
            ),
            ("engage_webhooks_delivered_total", "Webhooks taken.", server.webhooks.delivered),
            ("engage_webhooks_failed_total", "Webhooks given up.", server.webhooks.failed),
            ("process_cpu_seconds_total", "Processor time.", time.process_time()),
        ]
        for name, words, value in counters:
            yield name, "counter", words, [("", value)]
