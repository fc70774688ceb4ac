"""Two people in one room of a server, and what tests ask of a server's RoomService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from engage_tui import Grants, RemoteParticipant, Room, RoomOptions, Space
from engage_tui.wire.token import create_token
from tests.servers import TestServer


@dataclass(frozen=True, slots=True)
class Meeting:
    """Ada and Bob, each in a space of their own.

    Attributes:
        ada_of_bob: Ada as Bob sees her. She may see him up to three seconds later: livekit-server collects the news
            of people who publish nothing.
    """

    server: TestServer
    room: str
    ada_space: Space
    bob_space: Space
    ada: Room
    bob: Room

    @property
    def ada_of_bob(self) -> RemoteParticipant:
        return remote(self.bob, "ada")

    async def administer(self, method: str, **body: Any) -> Any:
        """Ask the server's RoomService something about the room, as its administrator."""
        token = create_token(
            self.server.key,
            self.server.secret,
            Grants(room=self.room, room_admin=True, room_list=True, room_create=True),
            identity="administrator",
        )
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{self.server.http_url}/twirp/livekit.RoomService/{method}",
                json={"room": self.room, **body},
                headers={"Authorization": f"Bearer {token}"},
            ) as answer,
        ):
            assert answer.status == 200, await answer.text()
            return await answer.json()


def remote(room: Room, identity: str) -> RemoteParticipant:
    """Somebody else in the room, by identity."""
    participant = room.get_participant_by_identity(identity)
    assert isinstance(participant, RemoteParticipant), f"{identity} is not there"
    return participant


async def join(
    space: Space,
    server: TestServer,
    identity: str,
    room: str,
    *,
    grants: Grants | None = None,
    **options: Any,
) -> Room:
    """Join and wait until it is done."""
    result = space.join_room(
        server.url, server.token(identity, room, grants=grants), RoomOptions(**options)
    )
    await result.connected()
    return result


@asynccontextmanager
async def meet(
    server: TestServer,
    room: str,
    *,
    ada: Grants | None = None,
    bob: Grants | None = None,
    **options: Any,
) -> AsyncIterator[Meeting]:
    """Bring Ada and Bob together; `options` are Bob's."""
    async with Space() as first, Space() as second:
        their = await join(first, server, "ada", room, grants=ada)
        ours = await join(second, server, "bob", room, grants=bob, **options)
        yield Meeting(server, room, first, second, their, ours)
