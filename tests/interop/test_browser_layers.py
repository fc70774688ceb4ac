"""Browsers whose cameras have their layers in one stream, VP9 and AV1: what another one sees of them."""

from __future__ import annotations

from functools import partial

import pytest

from engage_tui.server.app import RunningServer
from tests.embedded import described
from tests.interop.chromium import chromium
from tests.interop.test_browser import SLOW, joining, sees, settled
from tests.require import need
from tests.waiting import until

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]


@pytest.mark.parametrize("mode", ["L1T3", "L3T3_KEY"])
@pytest.mark.parametrize("codec", ["vp9", "av1"])
async def test_layers_in_one_stream_follow_another_browser(
    server: RunningServer, codec: str, mode: str
) -> None:
    """Fewer pictures a second and all of them again; where there are smaller layers, those and back."""
    async with chromium() as running:
        ada, bob = running.page("ada"), running.page("bob")
        for page in (ada, bob):
            await page.call("join", **joining(described(server), page.name, "hall"))
        encodes = await ada.call("publishInOneStream", codec=codec, mode=mode)
        need(encodes, f"a Chromium that encodes {codec}")
        await until(lambda: sees(bob, more_than=15, width=640), SLOW, "bob to see the full layer")
        assert bob.track("camera")["codec"].lower() == f"video/{codec}"
        tracks = server.rooms["hall"].clients["ada"].publisher.tracks.values()
        tempo = next(track for track in tracks if track.video).streams[""].tempo
        await until(lambda: len(tempo.rates) == 3, SLOW, "three temporal layers")
        await bob.call("fps", wanted=4)
        await settled(bob, 2, 6)
        await bob.call("fps", wanted=15)
        await settled(bob, 10, 17)
        if mode.startswith("L3"):
            await bob.call("quality", wanted=0)
            await until(lambda: 0 < bob.track("camera")["width"] < 640, SLOW, "a smaller layer")
            await bob.call("quality", wanted=2)
            await until(partial(sees, bob, width=640), SLOW, "the full layer again")
            await settled(bob, 10, 17)
