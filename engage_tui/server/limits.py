"""Where the server ends: how many people and pictures it carries, and what one client may ask of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The stated limits; what is over them is refused in words.

    One core forwards 80,000 to 100,000 packets a second. 25 people with open microphones and 16 videos at
    600 kbit/s that everybody watches are 78,000.

    Attributes:
        participants: In all rooms together.
        video_tracks: Published in all rooms together.
        rooms: At one time.
    """

    participants: int = 25
    video_tracks: int = 16
    rooms: int = 100
