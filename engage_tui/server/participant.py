"""What everybody is told of a participant when it comes."""

from __future__ import annotations

import time

from livekit.protocol import models

from engage_tui.server.permissions import permission_of
from engage_tui.wire.signal import SignalOptions, sid
from engage_tui.wire.token import Claims

_CAPABILITIES = {name for name, _ in models.ClientInfo.Capability.items()}


def first_info(claims: Claims, options: SignalOptions) -> models.ParticipantInfo:
    """What a token and a join say of a participant who has just come."""
    grants = claims.grants
    now = time.time()
    return models.ParticipantInfo(
        sid=sid("PA_"),
        identity=claims.identity,
        name=claims.name,
        metadata=claims.metadata,
        attributes=dict(claims.attributes),
        state=models.ParticipantInfo.JOINED,
        joined_at=int(now),
        joined_at_ms=int(now * 1000),
        version=1,
        client_protocol=options.client_protocol,
        capabilities=[name for name in options.capabilities if name in _CAPABILITIES],
        permission=permission_of(grants),
    )
