"""Callbacks without a hold on their owner."""

from __future__ import annotations

import weakref

from engage_tui.server.weakly import weakly


class Owner:
    def __init__(self) -> None:
        self.heard: list[tuple[int, str]] = []
        self.tell = weakly(self.hear)

    def hear(self, number: int, *, word: str) -> None:
        self.heard.append((number, word))


def test_the_owner_hears_while_it_lives_and_is_not_kept_for_it() -> None:
    owner = Owner()
    tell, look = owner.tell, weakref.ref(owner)
    tell(1, word="one")
    assert owner.heard == [(1, "one")]
    del owner
    assert look() is None
    tell(2, word="two")  # nobody is there to hear it, and nothing happens
