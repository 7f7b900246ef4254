"""The real daemon, killed at every step there is, and started again: nothing is lost and nothing doubled.

A history is four SMS on a SIM with room for three: a complaint, one of two parts, the first one again, and a question
how it stands. For n = 1, 2, 3 … a daemon dies at its n-th write to the port, its n-th commit, its n-th HTTP request:
before it, after it, and half way (half of the octets written; the request sent and no answer read); until one lives to
the end of the history and of its own stop. Another daemon then finishes, and everything that was promised must hold.

No point is left out. Each kind is dealt out over a few tests, so that workers share it.

Broken by hand, each turned it red, on SQLite: slots deleted before the commit (before a commit: SMS lost); a forward
settled before it is asked for (before a request: not at the backend); no unique key and no look for known parts (after
a commit: SMS filed twice); claims that a dead process left made due again (after write 49: a receipt came twice).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
from daemon_nursery import DaemonNursery, KillPoint
from databases import PostgresqlServer
from killed_gateway import KilledGateway, Letter

FIRST, SECOND = "+6281234567801", "+6281234567802"
LAMP = "BTM lampu jalan mati di Sekupang"
ROAD = "BTM jalan rusak parah di depan pasar, " + "berlubang dalam sekali " * 8
LETTERS = [
    Letter(FIRST, LAMP, "complaint"),
    Letter(SECOND, ROAD, "complaint", parts=2),
    Letter(FIRST, LAMP, "repeat"),
    Letter(FIRST, "BTM STATUS", "query"),
]
# many runs each: a slow machine needs minutes, and whoever outstays the ordinary limit takes its worker down
pytestmark = pytest.mark.timeout(600)
SLOTS = 3
# How many points there are at least: a seam that is not struck any more would let every test pass.
LEAST = {"write": 48, "commit": 20, "request": 2}
LEAST_ON_POSTGRESQL = {"commit": 18, "request": 2}
SEEDS = range(5)
CHAIN_LENGTH = 4
CROWD = 12
BUSY_SLOTS = 8


def deal(seam: str, moments: str, hands: int) -> list[object]:
    """Return the tests of one seam: every moment, its points dealt out to so many hands."""
    return [
        pytest.param(seam, moment, hand, hands, id=f"{moment}-{seam}-{hand}")
        for moment in moments.split()
        for hand in range(1, hands + 1)
    ]


@pytest.fixture(scope="module")
def nursery() -> Iterator[DaemonNursery]:
    """Where daemons come from."""
    with DaemonNursery() as nursery:
        yield nursery


def letters_of_a_crowd(burst: int) -> list[Letter]:
    """Return the SMS of a dozen people, every third of two parts."""
    return [
        Letter(
            f"+62812345{burst:02}{number:03}",
            f"BTM sampah menumpuk di RT {burst} gang {number}" + " bau sekali" * (20 * is_long),
            "complaint",
            parts=1 + is_long,
        )
        for number in range(CROWD)
        for is_long in [number % 3 == 0]
    ]


def kill_through(
    nursery: DaemonNursery,
    points: Iterator[KillPoint],
    new_gateway: Callable[[], KilledGateway] | None = None,
) -> int:
    """Run the history once for each kill point until none is met; return how many were."""
    for count, point in enumerate(points):
        with new_gateway() if new_gateway else KilledGateway(nursery, slots=SLOTS) as gateway:
            gateway.send(LETTERS)
            was_killed = gateway.run_until_killed(point)
            if was_killed:
                gateway.finish()
            assert gateway.violations() == [], str(point)
        if not was_killed:
            return count
    raise AssertionError("the points do not end")


def points_of(seam: str, moment: str, hand: int, hands: int) -> Iterator[KillPoint]:
    """Yield every so-manieth point, without end."""
    return (KillPoint(seam, moment, nth) for nth in range(hand, 10_000, hands))


@pytest.mark.parametrize(
    ("seam", "moment", "hand", "hands"),
    [
        *deal("write", "before half after", 6),
        *deal("commit", "before after", 2),
        *deal("request", "before half after", 1),
    ],
)
def test_a_kill_loses_and_doubles_nothing_on_sqlite(
    nursery: DaemonNursery, seam: str, moment: str, hand: int, hands: int
) -> None:
    count = kill_through(nursery, points_of(seam, moment, hand, hands))

    assert count >= LEAST[seam] // hands


@pytest.mark.parametrize(
    ("seam", "moment", "hand", "hands"),
    [*deal("commit", "before after", 2), *deal("request", "before half after", 1)],
)
def test_a_kill_loses_and_doubles_nothing_on_postgresql(
    nursery: DaemonNursery,
    postgresql_server: PostgresqlServer,
    seam: str,
    moment: str,
    hand: int,
    hands: int,
) -> None:
    """There the claims of a dead daemon are leases: they must run out before anybody takes them up."""
    url = postgresql_server.url_of(postgresql_server.name).replace(":@", "@")  # no empty password

    count = kill_through(
        nursery,
        points_of(seam, moment, hand, hands),
        lambda: KilledGateway(
            nursery, slots=SLOTS, store_url=url, clear_store=postgresql_server.clear
        ),
    )

    assert count >= LEAST_ON_POSTGRESQL[seam] // hands


@pytest.mark.parametrize("seed", SEEDS)
def test_kills_one_after_the_other_lose_and_double_nothing(
    nursery: DaemonNursery, seed: int
) -> None:
    """Who takes up what a dead daemon left may die at it, too."""
    chance = random.Random(seed)
    moments = [("write", "before half after"), ("commit", "before after"), ("request", "half")]
    with KilledGateway(nursery, slots=SLOTS) as gateway:
        gateway.send(LETTERS)
        for _ in range(CHAIN_LENGTH):
            seam, when = chance.choice(moments)
            nth = chance.randint(1, 3 * LEAST[seam] // 2)
            gateway.run_until_killed(KillPoint(seam, chance.choice(when.split()), nth))
        gateway.finish()

        assert gateway.violations() == [], f"seed {seed}"


@pytest.mark.parametrize("seed", SEEDS)
def test_kills_at_any_moment_under_load_lose_and_double_nothing(
    nursery: DaemonNursery, seed: int
) -> None:
    """Between the steps that are counted there are others."""
    chance = random.Random(seed)
    with KilledGateway(nursery, slots=BUSY_SLOTS) as gateway:
        for burst in range(CHAIN_LENGTH):
            gateway.send(letters_of_a_crowd(burst))
            daemon = gateway.start_killable()
            daemon.is_over(chance.uniform(0.02, 0.8))
            gateway.kill(daemon)
        gateway.finish()

        assert gateway.violations() == [], f"seed {seed}"
