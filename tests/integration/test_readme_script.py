"""The script in the README runs as it stands there."""

from __future__ import annotations

import asyncio
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from engage_tui import Space, create_local_video_track
from tests.require import need
from tests.servers import TestServer
from tests.unit.media.test_files import make_clip

README = Path(__file__).parents[2] / "README.md"


async def test_the_readmes_script_saves_a_picture(room_server: TestServer, tmp_path: Path) -> None:
    need(find_spec("PIL") is not None, "Pillow")
    match = re.search(r"<!-- script -->\n```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert match is not None
    script, clip, picture = (tmp_path / name for name in ("script.py", "clip.mkv", "picture.png"))
    script.write_text(match[1])
    make_clip(clip)
    async with Space() as space:
        room = space.join_room(room_server.url, room_server.token("ada"))
        await room.connected()
        await room.local_participant.publish_track(await create_local_video_track("test"))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(script),
            room_server.url,
            room_server.token("bob"),
            str(clip),
            str(picture),
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(40):
            _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert picture.read_bytes().startswith(b"\x89PNG")
