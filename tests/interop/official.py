"""A participant that the official Python SDK runs: publishes a tone and pictures, measures what it receives."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import numpy as np
from livekit import rtc

from tests.servers import TestServer

TONE = 0.251 / 2**0.5
"""RMS of a 440 Hz sine at -12 dBFS peak, of full scale."""


class OfficialPeer:
    """Somebody in the room, on libwebrtc."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.sizes: deque[tuple[int, int]] = deque(maxlen=500)
        self.messages: list[tuple[bytes, str | None, str]] = []
        self._heard: dict[str, deque[np.ndarray[Any, Any]]] = {}  # one second of each track
        self._tasks: list[asyncio.Task[None]] = []
        self.room.on("track_subscribed", self._subscribed)
        self.room.on("data_received", self._message)

    async def join(self, server: TestServer, room: str, identity: str = "official") -> None:
        """Connect, subscribing to everything."""
        await self.connect(server.url, server.token(identity, room))

    async def connect(self, url: str, token: str, options: rtc.RoomOptions | None = None) -> None:
        """The same with an address and a token, and perhaps other options."""
        await self.room.connect(url, token, options or rtc.RoomOptions())

    async def publish(self) -> None:
        """Publish the tone as microphone and moving grey as a 640x360 camera."""
        sound, picture = rtc.AudioSource(48000, 1), rtc.VideoSource(640, 360)
        local = self.room.local_participant
        await local.publish_track(
            rtc.LocalAudioTrack.create_audio_track("mic", sound),
            rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE),
        )
        await local.publish_track(
            rtc.LocalVideoTrack.create_video_track("cam", picture),
            rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA),
        )
        self._spawn(_feed(sound, picture))

    @property
    def rms(self) -> float:
        """Of the last second of the loudest voice, of full scale."""
        whole = [list(heard) for heard in self._heard.values() if len(heard) == 100]
        return max(
            (float(np.sqrt(np.mean(np.concatenate(each) ** 2))) for each in whole), default=0.0
        )

    async def leave(self) -> None:
        """Disconnect and end every task."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()

    def _spawn(self, work: Any) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    def _subscribed(self, track: Any, publication: Any, participant: Any) -> None:
        sound = track.kind == rtc.TrackKind.KIND_AUDIO
        self._spawn(self._hear(track) if sound else self._see(track))

    def _message(self, packet: Any) -> None:
        self.messages.append((packet.data, packet.topic, packet.participant.identity))

    async def _hear(self, track: Any) -> None:
        heard = self._heard[track.sid] = deque(maxlen=100)
        stream = rtc.AudioStream(track)
        try:
            async for event in stream:
                heard.append(np.frombuffer(event.frame.data, np.int16) / 32768)
        finally:
            await stream.aclose()

    async def _see(self, track: Any) -> None:
        stream = rtc.VideoStream(track)
        try:
            async for event in stream:
                self.sizes.append((event.frame.width, event.frame.height))
        finally:
            await stream.aclose()


async def _feed(sound: rtc.AudioSource, picture: rtc.VideoSource) -> None:
    number = 0
    while True:
        phase = 2 * np.pi * 440 * (np.arange(480) + 480 * number) / 48000
        samples = (0.251 * 32767 * np.sin(phase)).astype(np.int16)
        await sound.capture_frame(rtc.AudioFrame(samples.tobytes(), 48000, 1, 480))
        if number % 6 == 0:
            grey = np.full((360, 640, 4), number % 256, np.uint8)
            picture.capture_frame(
                rtc.VideoFrame(640, 360, rtc.VideoBufferType.RGBA, grey.tobytes())
            )
        number += 1
