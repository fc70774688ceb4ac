"""What clients may ask for, without a connection."""

from __future__ import annotations

from livekit.protocol import models

from engage_tui.server.requests import MAX_ATTRIBUTES, MAX_METADATA, attributes_fit


def test_attributes_are_bounded_in_all_not_only_a_change_at_a_time() -> None:
    info = models.ParticipantInfo(attributes={"first": "x" * (MAX_METADATA // 2)})
    assert attributes_fit(info, {"second": "x" * (MAX_METADATA // 4)})
    assert not attributes_fit(info, {"second": "x" * (MAX_METADATA // 2)})
    assert attributes_fit(info, {"first": "x" * (MAX_METADATA - 5)})  # instead of what it was


def test_attributes_that_are_changed_do_not_count_twice() -> None:
    full = {str(number): "x" for number in range(MAX_ATTRIBUTES)}
    info = models.ParticipantInfo(attributes=full)
    assert attributes_fit(info, {"0": "y", "1": ""})
    assert not attributes_fit(info, {"new": "x"})
