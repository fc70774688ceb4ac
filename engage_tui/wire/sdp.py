"""Session descriptions (RFC 8866) as WebRTC uses them: parsed into sections, and written back.

Only what LiveKit's ends put on the wire. Unknown attributes are dropped, malformed lines raise `SdpError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engage_tui.errors import EngageError

MAX_SDP = 512 * 1024
"""Characters of the longest description that is read: hundreds of sections, yet bounded."""

MAX_SSRCS = 256
"""Sources that one section may name."""

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
DEPENDENCY_DESCRIPTOR = (
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


class SdpError(EngageError):
    """A session description cannot be understood."""


@dataclass(slots=True)
class Codec:
    """One payload type of a section.

    Attributes:
        name: As on the wire (``opus``, ``VP8``, ``rtx``); compare with `is_a`.
        channels: Audio channels; None where the line names none.
        parameters: The ``fmtp`` line, by name; a bare value (RED's ``111/111``) has an empty name.
        feedback: ``rtcp-fb`` values without the payload type (``nack pli``).
    """

    payload_type: int
    name: str
    clock_rate: int
    channels: int | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    feedback: list[str] = field(default_factory=list)

    def is_a(self, name: str) -> bool:
        """Whether this is codec `name`, whatever the case."""
        return self.name.lower() == name.lower()

    def lines(self) -> Iterator[str]:
        """The attribute lines of this payload type."""
        channels = f"/{self.channels}" if self.channels else ""
        yield f"a=rtpmap:{self.payload_type} {self.name}/{self.clock_rate}{channels}"
        for value in self.feedback:
            yield f"a=rtcp-fb:{self.payload_type} {value}"
        if self.parameters:
            text = ";".join(f"{k}={v}" if k and v else k or v for k, v in self.parameters.items())
            yield f"a=fmtp:{self.payload_type} {text}"


@dataclass(slots=True)
class Section:
    """One ``m=`` section.

    Attributes:
        kind: ``audio``, ``video`` or ``application``.
        port: 0 means rejected.
        formats: The payload types of the ``m=`` line in order, those without an rtpmap too.
        extensions: RTP header extensions: id to URI.
        ssrcs: Main and repair SSRCs in order of appearance.
        ssrc_groups: ``("FID", (main, rtx))`` and the like.
        msid: Stream id and track id, if named.
        rids: Restriction ids with their direction, ``("q", "send")``.
        simulcast: The value of ``a=simulcast``; empty if absent.
        fingerprint: ``sha-256 AB:CD:…``.
        setup: ``actpass``, ``active`` or ``passive``.
        candidates: Values of ``a=candidate`` (without the name).
    """

    kind: str
    mid: str = ""
    port: int = 9
    direction: str = "sendrecv"
    formats: list[str] = field(default_factory=list)
    codecs: list[Codec] = field(default_factory=list)
    extensions: dict[int, str] = field(default_factory=dict)
    ssrcs: list[int] = field(default_factory=list)
    ssrc_groups: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    msid: tuple[str, str] | None = None
    rids: list[tuple[str, str]] = field(default_factory=list)
    simulcast: str = ""
    ice_ufrag: str = ""
    ice_pwd: str = ""
    fingerprint: str = ""
    setup: str = ""
    candidates: list[str] = field(default_factory=list)
    end_of_candidates: bool = False
    sctp_port: int | None = None
    max_message_size: int | None = None

    def codec(self, payload_type: int) -> Codec | None:
        """The codec of `payload_type`, or None."""
        return next((c for c in self.codecs if c.payload_type == payload_type), None)

    def extension_id(self, uri: str) -> int | None:
        """The id under which the header extension `uri` travels, or None."""
        return next((number for number, each in self.extensions.items() if each == uri), None)

    def repair_of(self, ssrc: int) -> int | None:
        """The retransmission SSRC of `ssrc` (its FID group), or None."""
        for semantics, members in self.ssrc_groups:
            if semantics == "FID" and len(members) == 2 and members[0] == ssrc:
                return members[1]
        return None

    def lines(self) -> Iterator[str]:
        """The section as SDP lines."""
        if self.kind == "application":
            yield f"m=application {self.port} UDP/DTLS/SCTP webrtc-datachannel"
        else:
            formats = self.formats or [str(c.payload_type) for c in self.codecs] or ["0"]
            yield f"m={self.kind} {self.port} UDP/TLS/RTP/SAVPF {' '.join(formats)}"
        yield "c=IN IP4 0.0.0.0"
        yield f"a=mid:{self.mid}"
        yield from self._transport_lines()
        if self.kind == "application":
            yield f"a=sctp-port:{self.sctp_port or 5000}"
            yield f"a=max-message-size:{self.max_message_size or 65535}"
        else:
            yield from self._media_lines()

    def _transport_lines(self) -> Iterator[str]:
        if self.ice_ufrag:
            yield f"a=ice-ufrag:{self.ice_ufrag}"
            yield f"a=ice-pwd:{self.ice_pwd}"
        if self.fingerprint:
            yield f"a=fingerprint:{self.fingerprint}"
        if self.setup:
            yield f"a=setup:{self.setup}"
        for candidate in self.candidates:
            yield f"a=candidate:{candidate}"
        if self.end_of_candidates:
            yield "a=end-of-candidates"

    def _media_lines(self) -> Iterator[str]:
        yield f"a={self.direction}"
        yield "a=rtcp-mux"
        yield "a=rtcp-rsize"
        for codec in self.codecs:
            yield from codec.lines()
        for number, uri in self.extensions.items():
            yield f"a=extmap:{number} {uri}"
        if self.msid is not None:
            yield f"a=msid:{self.msid[0]} {self.msid[1]}"
        for semantics, members in self.ssrc_groups:
            yield f"a=ssrc-group:{semantics} {' '.join(map(str, members))}"
        for ssrc in self.ssrcs:
            yield f"a=ssrc:{ssrc} cname:engage"
            if self.msid is not None:
                yield f"a=ssrc:{ssrc} msid:{self.msid[0]} {self.msid[1]}"
        for rid, direction in self.rids:
            yield f"a=rid:{rid} {direction}"
        if self.simulcast:
            yield f"a=simulcast:{self.simulcast}"


@dataclass(slots=True)
class Description:
    """A whole session description.

    Attributes:
        ice_lite: The sender answers connectivity checks and makes none.
        extmap_allow_mixed: One- and two-byte header extensions may be mixed (RFC 8285).
        session_id: Of the ``o=`` line, with `version` counted up at each change.
    """

    sections: list[Section] = field(default_factory=list)
    ice_lite: bool = False
    extmap_allow_mixed: bool = False
    session_id: int = 1
    version: int = 1

    def section(self, mid: str) -> Section | None:
        """The section with this mid, or None."""
        return next((s for s in self.sections if s.mid == mid), None)

    @property
    def bundle(self) -> list[str]:
        """The mids that share one transport: all that are not rejected."""
        return [s.mid for s in self.sections if s.port != 0]

    def __str__(self) -> str:
        lines = [
            "v=0",
            f"o=- {self.session_id} {self.version} IN IP4 0.0.0.0",
            "s=-",
            "t=0 0",
        ]
        if self.ice_lite:
            lines.append("a=ice-lite")
        lines.append("a=group:BUNDLE " + " ".join(self.bundle))
        if self.extmap_allow_mixed:
            lines.append("a=extmap-allow-mixed")
        lines.append("a=msid-semantic: WMS *")
        for section in self.sections:
            lines.extend(section.lines())
        return "\r\n".join(lines) + "\r\n"

    @classmethod
    def parse(cls, text: str) -> Description:
        """Read a description; session-level ICE and DTLS attributes are copied into every section.

        Raises:
            SdpError: The text is too long or a line that matters is malformed.
        """
        if len(text) > MAX_SDP:
            raise SdpError("The session description is too long.")
        description = cls()
        session = Section(kind="session")
        current = session
        try:
            for line in text.splitlines():
                if line.startswith("m="):
                    current = _media_line(line[2:])
                    description.sections.append(current)
                elif line.startswith("o="):
                    description.session_id, description.version = map(int, line.split()[1:3])
                elif line.startswith("a="):
                    name, _, value = line[2:].partition(":")
                    if current is session and name in ("ice-lite", "extmap-allow-mixed"):
                        description.ice_lite |= name == "ice-lite"
                        description.extmap_allow_mixed |= name == "extmap-allow-mixed"
                    else:
                        _attribute(current, name, value.strip())
        except (ValueError, IndexError) as error:
            raise SdpError(
                f"The session description has a malformed line: {line[:80]!r}."
            ) from error
        for section in description.sections:
            _inherit(section, session)
        return description


def _media_line(value: str) -> Section:
    words = value.split()
    section = Section(kind=words[0], port=int(words[1]), formats=words[3:])
    if section.kind != "application":
        section.codecs = [
            Codec(number, *_STATIC[number])
            for number in map(int, section.formats)
            if number in _STATIC
        ]
    return section


_STATIC: dict[int, tuple[str, int]] = {0: ("PCMU", 8000), 8: ("PCMA", 8000), 9: ("G722", 8000)}


def _inherit(section: Section, session: Section) -> None:
    section.ice_ufrag = section.ice_ufrag or session.ice_ufrag
    section.ice_pwd = section.ice_pwd or session.ice_pwd
    section.fingerprint = section.fingerprint or session.fingerprint
    section.setup = section.setup or session.setup
    section.candidates = section.candidates or list(session.candidates)
    order = {text: place for place, text in enumerate(section.formats)}
    section.codecs.sort(key=lambda codec: order.get(str(codec.payload_type), len(order)))


def _attribute(section: Section, name: str, value: str) -> None:
    if name in DIRECTIONS:
        section.direction = name
    elif name in _PLAIN:
        setattr(section, _PLAIN[name], value)
    elif name in ("sctp-port", "max-message-size"):
        setattr(section, name.replace("-", "_"), int(value))
    elif name == "candidate":
        section.candidates.append(value)
    elif name == "end-of-candidates":
        section.end_of_candidates = True
    elif name in ("rtpmap", "fmtp", "rtcp-fb"):
        _codec_attribute(section, name, value)
    elif name in ("ssrc", "ssrc-group", "msid"):
        _ssrc_attribute(section, name, value)
    elif name == "extmap":
        number, uri = value.split()[:2]
        section.extensions[int(number.split("/")[0])] = uri
    elif name == "rid":
        words = value.split()
        section.rids.append((words[0], words[1]))


_PLAIN = {
    "mid": "mid",
    "ice-ufrag": "ice_ufrag",
    "ice-pwd": "ice_pwd",
    "fingerprint": "fingerprint",
    "setup": "setup",
    "simulcast": "simulcast",
}


def _codec_attribute(section: Section, name: str, value: str) -> None:
    number, _, rest = value.partition(" ")
    rest = rest.strip()
    if name == "rtpmap":
        if not 0 <= int(number) <= 127:
            raise ValueError("no payload type")
        parts = rest.split("/")
        channels = int(parts[2]) if len(parts) > 2 else None
        section.codecs = [c for c in section.codecs if c.payload_type != int(number)]
        section.codecs.append(Codec(int(number), parts[0], int(parts[1]), channels))
        return
    wanted = section.codecs if number == "*" else [section.codec(int(number))]
    for codec in wanted:
        if codec is None:
            continue  # a line about a payload type that has no rtpmap says nothing to us
        if name == "rtcp-fb":
            codec.feedback.append(rest)
        else:
            for part in filter(None, (p.strip() for p in rest.split(";"))):
                key, equals, content = part.partition("=")
                codec.parameters[key if equals else ""] = content if equals else part


def _ssrc_attribute(section: Section, name: str, value: str) -> None:
    words = value.split()
    if name == "msid":
        section.msid = (words[0], words[1] if len(words) > 1 else "")
    elif name == "ssrc-group":
        section.ssrc_groups.append((words[0], tuple(int(word) for word in words[1:])))
    else:
        ssrc = int(words[0])
        if len(section.ssrcs) >= MAX_SSRCS:
            raise ValueError("too many sources")
        if ssrc not in section.ssrcs:
            section.ssrcs.append(ssrc)
        if section.msid is None and len(words) > 2 and words[1].startswith("msid:"):
            section.msid = (words[1][5:], words[2])
