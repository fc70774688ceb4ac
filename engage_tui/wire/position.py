"""Where somebody is, as it travels: lossy user packets on a topic of their own, a JSON object each.

``{"position": [x, y, z], "orientation": [x, y, z, w]}``: metres, and a unit quaternion; right-handed axes with x to
the right, y up and z to the back, whatever system an application uses. The orientation may be missing.
"""

from __future__ import annotations

import json
import math
from typing import NamedTuple

TOPIC = "engage.position"
"""The topic of these packets."""

IDENTITY = (0.0, 0.0, 0.0, 1.0)
"""The orientation of somebody who looks along -z."""

_FAR = 1e6  # metres; what lies beyond is nonsense


class Placement(NamedTuple):
    """A place and where its owner looks."""

    position: tuple[float, float, float]
    orientation: tuple[float, float, float, float] = IDENTITY


def encode(placement: Placement) -> bytes:
    """The packet's payload."""
    fields = {"position": placement.position, "orientation": placement.orientation}
    return json.dumps(fields, separators=(",", ":")).encode()


def decode(payload: bytes) -> Placement | None:
    """Read a payload; None if it is nonsense."""
    try:
        fields = json.loads(payload)
        x, y, z = (float(each) for each in fields["position"])
        qx, qy, qz, qw = (float(each) for each in fields.get("orientation", IDENTITY))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    length = math.sqrt(qx * qx + qy * qy + qz * qz + qw * qw)
    near = all(math.isfinite(each) and abs(each) <= _FAR for each in (x, y, z))
    if not near or not 0.99 < length < 1.01:
        return None
    return Placement((x, y, z), (qx, qy, qz, qw))
