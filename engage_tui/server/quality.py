"""Connection quality: how well a participant's media come through, told to everybody when it changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

if TYPE_CHECKING:
    from engage_tui.server.client import Client
    from engage_tui.server.incoming import IncomingStream

Quality = models.ConnectionQuality

EVERY = 5.0
"""Seconds between two judgements of a participant; the first comes as soon as its connection stands."""

NOTICED, BAD = 0.02, 0.08
"""Shares of packets that never came, from which on a connection is good instead of excellent, and poor."""

SILENT = 10.0
"""Seconds without a connectivity check after which a connection counts as lost."""

_FADE = 0.5  # what the losses before still count, each time
_LIVE = 1.0  # seconds after its last packet in which a stream still flows
_SOUNDS = 50  # packets of sound a second, about
_PACKET = 8 * 1000  # bits of a packet of pictures, about


class Meter:
    """The losses of one participant: of what it sends, repairs deducted, and of what it gets on its own way.

    Attributes:
        loss: The larger of both shares, 0 to 1, smoothed.
    """

    def __init__(self) -> None:
        self.loss = 0.0
        self._up = self._down = 0.0
        self._missing: dict[int, int] = {}  # by SSRC, at the last look
        # Packets of which the participant's reports spoke, and those that it lost.
        self._heard = 0, 0.0

    def look(self, client: Client, now: float, elapsed: float) -> None:
        """Take what came in the `elapsed` seconds since the last time."""
        sent = lost = 0.0
        streams = [s for t in client.publisher.tracks.values() for s in t.streams.values()]
        for stream in streams:
            missed = max(0, stream.missing - self._missing.get(stream.ssrc, stream.missing))
            lost += missed
            if now - stream.arrived < _LIVE + elapsed:
                sent += missed + _flows(stream) * elapsed
        self._missing = {stream.ssrc: stream.missing for stream in streams}
        self._up = _smooth(self._up, lost, sent)
        heard = client.subscriber.governor.heard
        self._down = _smooth(self._down, heard[1] - self._heard[1], heard[0] - self._heard[0])
        self._heard = heard
        self.loss = max(self._up, self._down)


def judge(client: Client, loss: float, now: float) -> Quality:
    """The quality of a participant that loses this share of its packets."""
    transports = (client.publisher.transport, client.subscriber.transport)
    if any(each.connected and now - each.heard > SILENT for each in transports):
        return Quality.LOST
    paused = any(each.held for each in client.subscriber.subscriptions.values())
    if paused or loss >= BAD:
        return Quality.POOR
    return Quality.GOOD if loss >= NOTICED else Quality.EXCELLENT


class Qualities:
    """Those of everybody in a room."""

    def __init__(self) -> None:
        self._meters: dict[str, Meter] = {}  # by participant SID, as all here
        self._known: dict[str, rtc.ConnectionQualityInfo] = {}
        self._told: dict[str, dict[str, int]] = {}  # to whom, of whom
        self._judged = 0.0

    def forget(self, sid: str) -> None:
        """Tell a participant everything once more, with the next look."""
        self._told.pop(sid, None)

    def look(self, clients: Sequence[Client], now: float) -> None:
        """Judge whom it is time to judge, and tell everybody what changed; called each second."""
        due = now - self._judged >= EVERY
        elapsed = min(now - self._judged, 2 * EVERY)
        active = {client.sid: client for client in clients if client.active}
        for table in (self._meters, self._known, self._told):
            for sid in table.keys() - active.keys():
                del table[sid]
        for sid, client in active.items():
            meter = self._meters.get(sid)
            if meter is None:
                meter = self._meters[sid] = Meter()
                meter.look(client, now, 0.0)
            elif due:
                meter.look(client, now, elapsed)
            else:
                continue
            quality = judge(client, meter.loss, now)
            self._known[sid] = rtc.ConnectionQualityInfo(
                participant_sid=sid, quality=quality, score=_score(quality, meter.loss)
            )
        if due:
            self._judged = now
        for sid, client in active.items():
            self._tell(client, self._told.setdefault(sid, {}), active)

    def _tell(self, client: Client, told: dict[str, int], active: dict[str, Client]) -> None:
        news = [
            info
            for sid, info in self._known.items()
            if told.get(sid) != info.quality and (sid == client.sid or not active[sid].hidden)
        ]
        if news:
            told.update((info.participant_sid, info.quality) for info in news)
            update = rtc.ConnectionQualityUpdate(updates=news)
            client.send(rtc.SignalResponse(connection_quality=update))


def _flows(stream: IncomingStream) -> float:
    """About how many packets a second it has."""
    return stream.rate / _PACKET if stream.track.video else _SOUNDS


def _smooth(before: float, lost: float, packets: float) -> float:
    share = min(1.0, max(0.0, lost) / packets) if packets > 0 else 0.0
    return before * _FADE + share * (1 - _FADE)


def _score(quality: Quality, loss: float) -> float:
    """The same as a mean opinion, 1 to 5; 0 for a lost connection."""
    if quality == Quality.LOST:
        return 0.0
    return max(1.0, (4.5 if quality != Quality.POOR else 2.0) * (1 - loss))
