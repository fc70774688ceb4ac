"""What a call does when devices come and go: it looks for them, and tells where sound comes from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from engage_tui.engine.call import Call
from engage_tui.engine.messages import Notice
from engage_tui.errors import DeviceError
from tests.waiting import until


class Link:
    """Keeps what goes up."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def listen(self, *_: Any) -> None:
        pass

    def send(self, message: Any) -> None:
        self.sent.append(message)


async def test_devices_that_come_are_looked_for() -> None:
    call: Any = Call(Link())  # type: ignore[arg-type]
    looked: list[bool] = []

    async def look() -> None:
        looked.append(True)

    call._look_for_devices()  # before there is anything to look with
    call._intents = SimpleNamespace(equipment=SimpleNamespace(look=look))
    call._look_for_devices()
    await until(lambda: looked == [True])
    await call.tasks.cancel()


async def test_a_speaker_that_goes_and_comes_back_is_told() -> None:
    link = Link()
    call: Any = Call(link)  # type: ignore[arg-type]
    call.space = SimpleNamespace(mixer=SimpleNamespace(output=SimpleNamespace(label="headset")))
    call.speaker.changed(DeviceError("The sound device headset is gone.", "Plug it in again."))
    assert call.speaker.words == "no sound: The sound device headset is gone."
    call.speaker.changed(None)
    assert call.speaker.words == "headset"
    told = [(each.kind, each.text) for each in link.sent if isinstance(each, Notice)]
    assert told == [
        ("warning", "The sound device headset is gone. Plug it in again."),
        ("log", "Sound comes from headset."),
    ]
