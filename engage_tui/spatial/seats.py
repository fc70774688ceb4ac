"""Where people sit: places in the scene, metres, in the order of joining.

A round table is the same for everybody who counts the same people: whom I hear at my left hears me at their right. The
other two arrangements are the listener's own, and stand around the listener's seat at that table. In these nobody sits
behind the listener, where a head that cannot turn hears worst who it is.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple

from engage_tui.spatial.coordinates import FORWARD, RIGHT, UPWARD
from engage_tui.spatial.vectors import ORIGIN, Quaternion, Vector3D

_APART = 1.0  # metres between neighbours
_WIDTH = 1.4  # metres across a table


class Seating(StrEnum):
    """How seats are arranged."""

    CIRCLE = "circle"
    TABLE = "table"
    ROW = "row"


class Place(NamedTuple):
    """Where somebody is, and which way they look.

    Attributes:
        position: Metres, in the scene's axes.
        heading: Radians clockwise from ahead (-z), seen from above.
    """

    position: Vector3D = ORIGIN
    heading: float = 0.0

    @property
    def rotation(self) -> Quaternion:
        """The turn from looking ahead to looking along the heading."""
        return Quaternion.about(UPWARD, -self.heading)

    def outward(self, inner: Place) -> Place:
        """What `inner` says relative to this place (ahead is where this one looks), in the scene."""
        turned = self.rotation.rotate(inner.position)
        return Place(self.position + turned, self.heading + inner.heading)

    def inward(self, outer: Place) -> Place:
        """A place of the scene as seen from this one."""
        turned = self.rotation.inverse().rotate(outer.position - self.position)
        return Place(turned, outer.heading - self.heading)


def heading(rotation: Quaternion) -> float:
    """Which way somebody turned by `rotation` looks, in radians clockwise from ahead; 0 straight up or down."""
    front = rotation.rotate(FORWARD)
    return math.atan2(front.x, -front.z) if math.hypot(front.x, front.z) > 1e-6 else 0.0


def seats(seating: Seating, people: int, own: int) -> list[Place]:
    """A seat for each of so many people.

    Args:
        seating: How they sit.
        people: How many, the listener among them.
        own: Which of them is the listener.
    """
    around = circle(people)
    if seating is Seating.CIRCLE:
        return around
    home = around[own]
    others = {Seating.TABLE: table, Seating.ROW: row}[seating](people - 1)
    found = [home.outward(each) for each in others]
    return [*found[:own], home, *found[own:]]


def circle(people: int) -> list[Place]:
    """A round table, everybody looking to its middle; who comes after somebody sits at their left."""
    if people < 2:
        return [Place()] * people
    step = 2 * math.pi / people
    radius = max(_APART, _APART / 2 / math.sin(step / 2))
    return [
        Place(
            FORWARD * (-radius * math.cos(step * number))
            + RIGHT * (-radius * math.sin(step * number)),
            step * number,
        )
        for number in range(people)
    ]


def table(people: int) -> list[Place]:
    """Two rows that face each other, seen from the head: left, right, left, right, ever farther off."""
    return [
        Place(
            FORWARD * (_APART * (1 + number // 2))
            + RIGHT * (_WIDTH / 2 if number % 2 else -_WIDTH / 2),
            -math.pi / 2 if number % 2 else math.pi / 2,
        )
        for number in range(people)
    ]


def row(people: int) -> list[Place]:
    """One row in front, from left to right, looking back; bent a little, so that nobody is much farther off."""
    ahead = max(1.5, people * _APART / 2)
    arc = min(math.radians(120), _APART / ahead * max(0, people - 1))
    angles = [arc * (n / (people - 1) - 0.5) if people > 1 else 0.0 for n in range(people)]
    return [
        Place(
            FORWARD * (ahead * math.cos(angle)) + RIGHT * (ahead * math.sin(angle)),
            angle + math.pi,
        )
        for angle in angles
    ]
