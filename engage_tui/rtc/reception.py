"""What a receiver must know about the packets of one SSRC: their order, the losses, the jitter (RFC 3550)."""

from __future__ import annotations

import time

from aiortc.rtp import RtcpReceiverInfo, RtcpSrPacket, clamp_packets_lost

MAX_JUMP = 3000
"""Packets by which the sequence may jump before it counts as a restart (RFC 3550 A.1: MAX_DROPOUT)."""


def signed_difference(a: int, b: int, bits: int) -> int:
    """``a - b`` in arithmetic modulo ``2**bits``, as the signed number nearest to zero."""
    half = 1 << (bits - 1)
    return ((a - b + half) & ((1 << bits) - 1)) - half


class Reception:
    """Unwraps sequence numbers and keeps the figures of a receiver report.

    Args:
        ssrc: Of the sender.
        clock_rate: RTP ticks a second.
    """

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.received = 0
        self._clock_rate = clock_rate
        self._base = 0
        self._highest: int | None = None
        self._suspect: int | None = None  # a sequence number that would confirm a restart
        self._expected_before = 0
        self._received_before = 0
        self._jitter = 0.0
        self._transit: float | None = None
        self._sr_middle = 0
        self._sr_time = 0.0

    @property
    def lost(self) -> int:
        """Packets that never came, so far; never negative."""
        return max(0, self._expected() - self.received)

    def place(self, sequence: int) -> int | None:
        """The unwrapped sequence number of a packet, counted as arrived; None if it looks like a stray.

        One lone packet far away is a stray; a second one right behind it says that the sender has restarted.
        """
        if self._highest is None:
            # Room below, for packets older than the first one.
            self._highest = self._base = sequence + 0x10000
            self.received = 1
            return self._highest
        step = signed_difference(sequence, self._highest & 0xFFFF, 16)
        if abs(step) > MAX_JUMP:
            if sequence != self._suspect:
                self._suspect = (sequence + 1) & 0xFFFF
                return None
            return self._restart(sequence)
        self.received += 1
        extended = self._highest + step
        self._highest = max(self._highest, extended)
        return extended

    def measure(self, timestamp: int, arrival: float) -> None:
        """Take the packet's RTP timestamp into the jitter, `arrival` in seconds of any steady clock."""
        transit = arrival * self._clock_rate - timestamp
        if self._transit is not None:
            difference = abs(transit - self._transit)
            if difference < self._clock_rate:  # a wrapped timestamp or a mute is no jitter
                self._jitter += (difference - self._jitter) / 16
        self._transit = transit

    def sender_report(self, packet: RtcpSrPacket) -> None:
        """Remember a sender report, from which the sender computes the round trip of our next report."""
        self._sr_middle = (packet.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF
        self._sr_time = time.monotonic()

    def report(self) -> RtcpReceiverInfo | None:
        """The next report block, with the losses since the last one; None before the first packet."""
        if self._highest is None:
            return None
        expected = self._expected() - self._expected_before
        received = self.received - self._received_before
        self._expected_before, self._received_before = self._expected(), self.received
        lost = max(0, expected - received)
        delay = int((time.monotonic() - self._sr_time) * 65536) if self._sr_middle else 0
        return RtcpReceiverInfo(
            ssrc=self.ssrc,
            fraction_lost=min(255, lost * 256 // expected) if expected > 0 else 0,
            packets_lost=clamp_packets_lost(self._expected() - self.received),
            # The cycles must start at 0: livekit-server takes a wrong count for a runaway and drops the report.
            highest_sequence=(self._highest - 0x10000) & 0xFFFFFFFF,
            jitter=int(self._jitter),
            lsr=self._sr_middle,
            dlsr=min(delay, 0xFFFFFFFF),
        )

    def _expected(self) -> int:
        return 0 if self._highest is None else self._highest - self._base + 1

    def _restart(self, sequence: int) -> int:
        assert self._highest is not None
        # Forward, whatever the number, so that no buffer sees time run backwards.
        extended = self._highest + ((sequence - self._highest) & 0xFFFF)
        self._highest, self._base = extended, extended
        self._suspect = None
        self.received, self._expected_before, self._received_before = 1, 0, 0
        return extended
