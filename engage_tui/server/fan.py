"""How a stream's packets get to all who take them: what those have in common is done once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engage_tui.server.outlet import Copies, Copy, Outlet
from engage_tui.server.run import Run
from engage_tui.wire.rtp import RtpPacket, is_newer

if TYPE_CHECKING:
    from engage_tui.server.fast_path import Route
    from engage_tui.server.incoming import IncomingStream
    from engage_tui.server.numbering import Pictures
    from engage_tui.server.steady import SteadyStream

_RENEWAL = 0xFF00  # numbering is renewed when these bits of the sequence number change


class Fan:
    """Takers of a stream that get all of it as it comes, from now until anything changes for one of them.

    While they are in it their own books stand still; `dissolve` brings them up to date.

    Args:
        members: They; all of them get every packet, with numbers and times moved by distances that stay.

    Attributes:
        last: The newest packet that went to all of them; None before the first.
        sent_at: Monotonic time of that.
        packets, octets: That each of them got since the fan was made.
        size: How many they are.
        over: It was dissolved.
        route: What passes packets on to all of them without asking here; None while nothing does.
    """

    def __init__(self, members: Sequence[SteadyStream]) -> None:
        self.last: RtpPacket | None = None
        self.sent_at = 0.0
        self.packets = self.octets = 0
        self.size, self.over = len(members), False
        self.route: Route | None = None
        self._members = members
        self._singly = [each for each in members if each.way is None]
        self._shared: list[tuple[Outlet, Pictures | None, Copies]] = []
        by_kind: dict[tuple[int, Pictures | None], list[Copy]] = {}
        for member in members:
            member.fan = self
            if (way := member.way) is None:
                continue
            outlet, to, key = way
            group = id(outlet), member.pictures
            if group not in by_kind:
                copies = Copies(by_kind.setdefault(group, []))
                self._shared.append((outlet, member.pictures, copies))
            by_kind[group].append(Copy(to, key, *member.distances))

    def follows(self, packet: RtpPacket) -> bool:
        """Whether a packet is newer than all that went through here."""
        return self.last is None or is_newer(packet.sequence, self.last.sequence)

    def send(self, run: Run, last: RtpPacket, now: float) -> None:
        """Send packets to all.

        Args:
            run: They; the first `follows`.
            last: The last of them.
            now: Monotonic time.
        """
        for outlet, pictures, copies in self._shared:
            outlet.fan(run if pictures is None else run.rewritten(pictures), copies)
        for member in self._singly:
            member.relay(run)
        self.count(run.count, run.octets, last, now)

    def count(self, packets: int, octets: int, last: RtpPacket, now: float) -> None:
        """Note packets that went to all, and their payloads' bytes; `last` was the last of them."""
        before, self.last, self.sent_at = self.last, last, now
        self.packets += packets
        self.octets += octets
        if before is None or (before.sequence ^ last.sequence) & _RENEWAL:
            for member in self._members:
                member.renew(last.sequence)

    def copies(self, outlet: Outlet) -> list[tuple[Copy, Pictures | None]] | None:
        """How everybody gets packets, if all of them leave by `outlet`: otherwise None."""
        if self._singly or any(each is not outlet for each, *_ in self._shared):
            return None
        return [(copy, pictures) for _, pictures, copies in self._shared for copy in copies.each]

    def dissolve(self) -> None:
        """From now on everybody keeps own books again."""
        self.over = True
        if self.route is not None:
            self.route.stop()
        for member in self._members:
            member.fan = None
        if self.last is not None:
            for member in self._members:
                member.catch_up(self, self.last)
        self._members = self._singly = []
        self._shared = []


class Audience:
    """The takers of a stream: most in a fan, the others each by itself."""

    def __init__(self) -> None:
        self._fan: Fan | None = None

    def whole(self, takers: Sequence[SteadyStream]) -> Fan | None:
        """The fan, if all of these are in it: they get all of the stream, whatever is in it. Otherwise None."""
        fan = self._fan
        return fan if fan is not None and not fan.over and fan.size == len(takers) else None

    def serve(
        self,
        takers: Sequence[SteadyStream],
        stream: IncomingStream,
        packets: Sequence[RtpPacket],
        now: float,
    ) -> None:
        """Hand packets to everybody.

        Args:
            takers: Everybody.
            stream: Where they come from.
            packets: In the order of arrival, `outlet.BURST` at most.
            now: Monotonic time.
        """
        if not takers:
            return
        run = Run.steady(packets)
        if run is None:
            for taker in list(takers):
                taker.forward(stream, packets, now)
            return
        fan = self._fan
        if fan is None or fan.over or not fan.follows(packets[0]):
            fan = self._gather(takers, stream, packets[0])
        fan.send(run, packets[-1], now)
        # Whoever leaves a fan dissolves it, so that all of its members are among the takers.
        if fan.size != len(takers):
            rest = [each for each in takers if each.fan is not fan]
            for taker in rest:
                taker.forward(stream, packets, now)
            if any(taker.is_ready(stream) for taker in rest):
                fan.dissolve()  # the next one has more in it

    def _gather(
        self, takers: Sequence[SteadyStream], stream: IncomingStream, first: RtpPacket
    ) -> Fan:
        if self._fan is not None:
            self._fan.dissolve()
        self._fan = Fan([each for each in takers if each.rides(stream, first)])
        return self._fan
