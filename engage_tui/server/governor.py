"""Watches what a subscriber feeds back, and gives its videos the layers that its link carries."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from engage_tui.server.budget import PAUSED, Budget, Demand, allocate
from engage_tui.server.forward import Subscription
from engage_tui.wire import rtcp

EVERY = 0.2
"""Seconds between two looks at the feedback."""

OUTAGE = 1.5
"""Seconds without any feedback after which what was lost meanwhile is no sign of a narrow link: that feeds back."""

OUTAGES = 10.0
"""Seconds between two that are excused: a link that loses most feedback is no good one."""


class Governor:
    """Decides for one subscriber.

    Args:
        subscriptions: By track SID; read only.
        by_ssrc: The same by SSRC.
        tell: Called with a subscription that was paused or goes on, see `Subscription.held`.

    Attributes:
        budget: What the link carries.
        heard: Packets of which the subscriber's reports spoke, and those of them that were lost on its own way.
    """

    def __init__(
        self,
        subscriptions: Mapping[str, Subscription],
        by_ssrc: Mapping[int, Subscription],
        tell: Callable[[Subscription], None],
    ) -> None:
        self.budget = Budget()
        self.heard = (0, 0.0)
        self._subscriptions, self._by_ssrc, self._tell = subscriptions, by_ssrc, tell
        self._looked = 0.0
        self._counts = (0, 0)  # packets and octets at the last look
        self._following: float | None = None
        self._fed = math.inf  # when feedback last came
        self._excused = -math.inf

    def on_feedback(self, part: rtcp.RtcpPart, now: float) -> None:
        """Take one packet of feedback: answer it, and learn from it."""
        if now - self._fed > OUTAGE and now - self._excused > OUTAGES:
            self._excused = now
            self.budget.since = now
        self._fed = now
        if part.kind == rtcp.TRANSPORT_FEEDBACK and part.format == rtcp.NACK:
            nack = rtcp.parse_nack(part.body)
            if nack is not None and (subscription := self._by_ssrc.get(nack[0])) is not None:
                self.budget.asked_again(subscription.repeat(nack[1], now))
        elif part.kind == rtcp.PAYLOAD_FEEDBACK:
            for ssrc in rtcp.parse_keyframe_requests(part):
                if (subscription := self._by_ssrc.get(ssrc)) is not None:
                    subscription.request_keyframe(now)
            if (estimate := rtcp.parse_estimate(part)) is not None:
                self.budget.estimated(estimate, now)
        else:
            for block in rtcp.parse_receptions(part):
                if (subscription := self._by_ssrc.get(block.ssrc)) is not None:
                    heard = subscription.reports.heard(block, subscription.source, now)
                    expected, lost, round_trip = heard
                    self.budget.reported(expected, lost)
                    self.heard = self.heard[0] + expected, self.heard[1] + lost
                    if round_trip is not None:
                        self.budget.round_trip(round_trip, now)
        if now - self._looked >= EVERY:
            self.look(now)

    def renew(self, now: float) -> None:
        """The participant comes by another way, or was away: they get what they want, until there is trouble."""
        limited = not math.isinf(self.budget.limit)
        self.budget = Budget(since=now)
        if limited:
            active = [each for each in self._subscriptions.values() if each.started]
            self._share(active, now, lowered=False)

    def look(self, now: float) -> None:
        """Judge what came since the last time; at least once a second."""
        active = [each for each in self._subscriptions.values() if each.started]
        packets = sum(each.packets for each in active)
        octets = sum(each.octets for each in active)
        elapsed = now - self._looked
        if 0 < elapsed < 5:
            # A subscription that ended takes its counts away: then there is nothing to learn.
            sent, bits = max(0, packets - self._counts[0]), 8.0 * max(0, octets - self._counts[1])
        else:
            sent, bits = 0, 0.0
        self._looked, self._counts = now, (packets, octets)
        before = self.budget.limit
        self.budget.update(sent, bits, self._following, lambda: self._least(active), now)
        if math.isinf(before) and math.isinf(self.budget.limit):
            return  # as nearly always
        self._share(active, now, lowered=self.budget.limit < before)

    def _least(self, active: list[Subscription]) -> float:
        return _sound(active) + sum(each.track.rate(0) for each in active if each.wants_video)

    def _share(self, active: list[Subscription], now: float, *, lowered: bool) -> None:
        rate = _sound(active)
        videos = [each for each in active if each.wants_video]
        demands = [
            Demand(each.costs(), each.importance, PAUSED if lowered else each.level)
            for each in videos
        ]
        levels, following = allocate(demands, self.budget.limit - rate)
        self._following = None if following is None else following + rate
        for subscription, level in zip(videos, levels, strict=True):
            held = subscription.held
            subscription.allow(level, now)
            if subscription.held != held:
                self._tell(subscription)


def _sound(active: list[Subscription]) -> float:
    """Bits a second of all audio."""
    return sum(each.track.rate(0) for each in active if not each.track.video)
