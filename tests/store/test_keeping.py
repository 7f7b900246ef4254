"""The alarms that the housekeeper keeps in the store."""

from stores import StoreMaker

from smsgate.alarms import AlarmBoard


def test_stored_alarms_follow_the_board(make_store: StoreMaker, clock):
    store, board = make_store(), AlarmBoard(clock)
    board.raise_alarm("line.m1.link", "Plug it in.")
    board.raise_alarm("store.disk", "Make room.")
    store.sync_alarms(board.standing())
    assert {a.key for a in store.alarms()} == {"line.m1.link", "store.disk"}

    board.clear_alarm("line.m1.link")
    board.raise_alarm("store.disk", "Make more room.")
    store.sync_alarms(board.standing())

    assert [(a.key, a.text) for a in store.alarms()] == [("store.disk", "Make more room.")]


def test_alarms_of_another_gateway_are_left_alone(make_store: StoreMaker, clock):
    ours, theirs = make_store("batam-1"), make_store("batam-2")
    board = AlarmBoard(clock)
    board.raise_alarm("line.m1.link", "Plug it in.")
    theirs.sync_alarms(board.standing())

    ours.sync_alarms(())

    assert [a.gateway for a in ours.alarms()] == ["batam-2"]
