"""Two `join --json` and one `serve`, as processes: what the command line promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.programs import QUICK, Program, running

KEYS = [
    "sid", "participant", "local", "kind", "source", "name", "subscribed", "muted",
    "frames", "bytes", "width", "height", "rms", "rms_max",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def looping(served: str) -> Iterator[Program]:
    """Somebody who sends a file for 2.5 s, while the other test runs."""
    voices = Path(__file__).parents[2] / "engage_tui" / "demo" / "voices"
    clip = next(
        each for each in sorted(voices.iterdir()) if each.suffix in {".opus", ".ogg", ".wav"}
    )
    with running(
        *("join", "loop", "--url", served, "--json"),
        *("--microphone", f"file:{clip}", "--duration", "2.5"),
    ) as program:
        yield program


@pytest.mark.timeout(150)
def test_two_people(served: str, room_name: str) -> None:
    common = ("join", room_name, "--url", served, "--json")
    with (
        running(
            *common, "--name", "ada", "--camera", "test", "--microphone", "test", program=QUICK
        ) as ada,
        running(*common, "--name", "bob", program=QUICK) as bob,
    ):
        both_joined(ada, bob, served, room_name)
        frames_bytes_and_rms_arrive(bob)
        camera = bob.rows(source="camera")[0]["sid"]
        unsubscribing_stops_the_bytes(bob, camera)
        data_both_ways(ada, bob)
        muting_and_modes(ada, bob)
        places_and_volumes(ada)
        another_device_is_the_same_publication(ada, bob)
        unpublishing_takes_the_row_away(ada, bob, camera)
        leaving(ada, bob)


def both_joined(ada: Program, bob: Program, url: str, room: str) -> None:
    for program, name in ((ada, "ada"), (bob, "bob")):
        joined = program.wait_event("joined")
        assert program.lines[0] is joined, "the first line"
        assert (joined["identity"], joined["room"], joined["server"]) == (name, room, url)
        assert joined["sid"].startswith("PA_")


def frames_bytes_and_rms_arrive(bob: Program) -> None:
    tone = {"source": "microphone", "participant": "ada"}
    bob.until(lambda: any(row["rms"] > 0.17 for row in bob.rows(**tone)), "a second of the tone")
    row = bob.rows(**tone)[0]
    assert list(row) == KEYS
    assert row["subscribed"]
    assert (row["kind"], row["local"], row["width"]) == ("audio", False, None)
    # A sine of -12 dBFS peak is 0.2512 / sqrt(2) = 0.1776, and Opus keeps it within a decibel.
    assert 0.158 < row["rms"] <= row["rms_max"] < 0.2
    assert row["frames"] > 0
    bob.until(lambda: bob.rows(source="camera"), "the camera's row")
    before = bob.rows(source="camera")[0]
    assert (before["subscribed"], before["bytes"], before["rms"]) == (False, 0, None)
    assert bob.do("set_subscribed", sid=before["sid"], value=True)["error"] is None
    bob.until(lambda: bob.rows(source="camera")[0]["frames"] > 10, "decoded pictures")
    bob.until(lambda: bob.rows(source="camera")[0]["width"] == 640, "the full size")
    camera = bob.rows(source="camera")[0]
    assert (camera["width"], camera["height"], camera["subscribed"]) == (640, 360, True)
    assert camera["bytes"] > 1000
    events = [e["event"] for e in bob.lines if e.get("sid") == camera["sid"]]
    assert "trackSubscribed" in events
    subscribed = bob.events("trackSubscribed")[-1]
    assert (subscribed["participant"], subscribed["kind"], subscribed["source"]) == (
        "ada", "video", "camera",
    )  # fmt: skip
    assert isinstance(subscribed["ts"], float)


def unsubscribing_stops_the_bytes(bob: Program, camera: str) -> None:
    assert bob.do("set_subscribed", sid=camera, value=False)["error"] is None
    bob.wait_event("trackUnsubscribed", sid=camera)

    def counted() -> list[int]:
        rows = [row for stats in bob.events("stats") for row in stats["publications"]]
        return [row["bytes"] for row in rows if row["sid"] == camera]

    bob.until(lambda: len(set(counted()[-6:])) == 1, "six equal counts")
    assert counted()[-1] > 1000
    assert not bob.rows(sid=camera)[0]["subscribed"]
    microphone = [r["bytes"] for r in bob.rows(source="microphone", participant="ada")]
    bob.until(
        lambda: bob.rows(source="microphone", participant="ada")[0]["bytes"] > microphone[0],
        "the voice goes on",
    )


def data_both_ways(ada: Program, bob: Program) -> None:
    assert ada.do("send_data", text="grüß dich", topic="t")["error"] is None
    got = bob.wait_event("dataReceived", participant="ada")
    assert (got["text"], got["topic"]) == ("grüß dich", "t")
    assert bob.do("send_data", text="and you", to=["ada"])["error"] is None
    assert ada.wait_event("dataReceived", participant="bob")["text"] == "and you"
    assert "nobody" in bob.do("send_data", text="?", to=["nobody"])["error"]


def muting_and_modes(ada: Program, bob: Program) -> None:
    assert ada.do("set_microphone_enabled", value=False)["error"] is None
    bob.wait_event("trackMuted", participant="ada", source="microphone")
    bob.until(lambda: bob.rows(source="microphone", muted=True), "the muted row")
    assert ada.do("set_microphone_enabled", value=True)["error"] is None
    bob.wait_event("trackUnmuted", participant="ada", source="microphone")
    assert bob.do("set_audio_connection_mode", participant="ada", mode="never")["error"] is None
    bob.wait_event("audioDisconnected", participant="ada")
    assert bob.do("set_audio_connection_mode", participant="ada", mode="loud")["error"]
    assert bob.do("publish_track", source="screen_share", src="test")["error"] is None
    ada.wait_event("trackPublished", participant="bob", source="screen_share")
    assert bob.do("set_screen_share_enabled", value=False)["error"] is None
    ada.wait_event("trackUnpublished", participant="bob", source="screen_share")


def places_and_volumes(ada: Program) -> None:
    assert ada.do("walk", ahead=0.5, turn=-30)["error"] is None
    assert ada.do("place", participant="bob", x=1, y=2)["error"] is None
    assert ada.do("set_volume", participant="bob", value=0.5)["error"] is None
    assert "not in the room" in ada.do("place", participant="nobody", x=1, y=2)["error"]
    assert "circle, table, row" in ada.do("arrange_seats", seating="heap")["error"]
    assert "no file" in ada.do("play_sound", path="nowhere.wav")["error"]


def another_device_is_the_same_publication(ada: Program, bob: Program) -> None:
    sid = ada.rows(source="microphone", local=True)[0]["sid"]
    clip = Path(__file__).parents[2] / "engage_tui" / "demo" / "voices" / "mira-chart.ogg"
    wanted = {"kind": "audioinput", "device_id": f"file:{clip}"}
    assert ada.do("choose_device", **wanted)["error"] is None
    before = ada.rows(sid=sid)[0]["frames"]
    ada.until(lambda: ada.rows(sid=sid)[0]["frames"] > before + 20, "the file is sent")
    assert bob.events("trackUnpublished") == [] or all(
        event["sid"] != sid for event in bob.events("trackUnpublished")
    )
    failed = ada.do("choose_device", kind="audioinput", device_id="file:nowhere.wav")
    assert "nowhere.wav" in failed["error"]
    before = ada.rows(sid=sid)[0]["frames"]
    ada.until(lambda: ada.rows(sid=sid)[0]["frames"] > before + 20, "the file goes on")


def unpublishing_takes_the_row_away(ada: Program, bob: Program, camera: str) -> None:
    assert "no publication" in bob.do("unpublish_track", sid=camera)["error"], "it is not bob's"
    assert ada.do("unpublish_track", sid=camera)["error"] is None
    bob.wait_event("trackUnpublished", sid=camera)
    for program in (ada, bob):
        program.until(lambda p=program: not p.rows(sid=camera), "no row")  # type: ignore[misc]
    bob.write("no object")
    assert "object" in bob.wait_event("done", id=None)["error"]
    bob.write({"id": "odd", "do": "explode"})
    assert "explode" in bob.wait_event("done", id="odd")["error"]


def leaving(ada: Program, bob: Program) -> None:
    assert bob.do("leave")["error"] is None
    assert bob.end() == 0
    assert bob.lines[-1] == {"event": "left", "reason": "client_initiated", "exit": 0}
    last_words = [line["event"] for line in bob.lines[bob.lines.index(bob.events("done")[-1]) :]]
    assert "stats" in last_words, "counters once more at the end"
    ada.wait_event("participantDisconnected", participant="bob")


@pytest.mark.timeout(90)
def test_files_are_looped_and_the_duration_counts_from_the_join(looping: Program) -> None:
    joined = looping.wait_event("joined")
    assert looping.end() == 0
    assert looping.lines[-1] == {"event": "left", "reason": "client_initiated", "exit": 0}
    assert len(looping.events("stats")) >= 3, "each second, and once more at the end"
    assert looping.rows(local=True)[0]["frames"] > 50
    login, _, digits = joined["identity"].rpartition("-")
    assert login
    assert len(digits) == 4
    assert int(digits, 16) >= 0
