"""What programs of other people were answered when they ran on the simulator, they are answered today."""

from __future__ import annotations

import pytest
from dialogues import DIALOGUES, make_recorded_modem, read_dialogue, replay


@pytest.mark.parametrize("path", sorted(DIALOGUES.glob("*.txt")), ids=lambda path: path.stem)
def test_a_recorded_program_gets_the_same_answers(path):
    modem = make_recorded_modem()

    for number, turn in enumerate(read_dialogue(path), 1):
        assert replay(turn, modem) == turn.said, f"turn {number}: {turn.told}"


def test_there_is_a_dialogue_of_each_program():
    recorded = {path.stem for path in DIALOGUES.glob("*.txt")}

    assert recorded == {"gammu", "gammu-smsd", "smstools", "kannel"}
