"""The machine's devices, as Engage lists them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from engage_tui.sdk.enums import MediaDeviceKind

if TYPE_CHECKING:
    from engage_tui.media.devices import Device

LOOK_INTERVAL = 1.0
"""Seconds between two looks for devices that came or went."""

_LINUX_PLACES = (Path("/dev/snd"), Path("/sys/class/video4linux"))


class DeviceManager:
    """Lists microphones, speakers and cameras; one for the whole process."""

    _instance: ClassVar[DeviceManager | None] = None

    @classmethod
    def get_instance(cls) -> DeviceManager:
        """The one device manager."""
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance

    async def get_devices(self, kind: MediaDeviceKind | None = None) -> list[Device]:
        """The devices of `kind`, or all, looked for anew; `Device.default` marks the system's choice.

        Where a library is missing, its devices are missing from the list;
        `engage_tui.media.devices.devices_problem` says why.
        """
        from engage_tui.media.devices import list_devices

        return await asyncio.to_thread(list_devices, kind)

    async def normalize_device_id(self, kind: MediaDeviceKind, device_id: str) -> str:
        """The id behind a word for a device: ``default``, an index, a name or a part of one.

        Raises:
            DeviceError: There is no such device.
        """
        from engage_tui.media.devices import find_device

        found: Device = await asyncio.to_thread(find_device, kind.value, device_id)
        return found.device_id

    async def changes(self, interval: float = LOOK_INTERVAL) -> AsyncIterator[None]:
        """Yield each time a device came or went; on Linux, elsewhere never.

        The kernel's directories are looked at rather than PortAudio asked: it finds new devices only when it is
        restarted, which a running stream forbids.
        """
        if sys.platform != "linux":
            return
        before = _present()
        while True:
            await asyncio.sleep(interval)
            now = _present()
            if now != before:
                before = now
                yield


def _present() -> frozenset[str]:
    found: set[str] = set()
    for place in _LINUX_PLACES:
        try:
            found.update(str(each) for each in place.iterdir())
        except OSError:
            continue  # no sound, or no cameras, at present
    return frozenset(found)
