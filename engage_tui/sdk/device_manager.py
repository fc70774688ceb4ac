"""The machine's devices, as Engage lists them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from engage_tui.sdk.enums import MediaDeviceKind

if TYPE_CHECKING:
    from engage_tui.media.devices import Device


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
        """The devices of `kind`, or all, looked for anew.

        Where a library is missing, its devices are missing from the list;
        `engage_tui.media.devices.devices_problem` says why.
        """
        from engage_tui.media.devices import list_devices

        return await asyncio.to_thread(list_devices, kind)
