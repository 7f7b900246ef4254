"""What citizens say and what their phones show, from the first SMS to the last. Everybody is invented."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conversation import Town
from stores import rows

from smsgate.backends.json import describe
from smsgate.records import ComplaintStatus

CITIZEN = "+6281234567890"
STRANGER = "+6281300000001"
BURST_LIMIT = 5  # replies, where complaint follows complaint

OpenTown = Callable[..., Town]


@pytest.fixture
def open_town(tmp_path: Path) -> Iterator[OpenTown]:
    """Open a town whose service has these keys."""
    towns: list[Town] = []

    def open_(service: str = "") -> Town:
        towns.append(Town(tmp_path, service))
        return towns[-1]

    yield open_
    for town in towns:
        town.close()


def reference_in(text: str) -> str:
    found = re.search(r"\b\d{8}\b", text)
    assert found, text
    return found[0]


def says(text: str, *words: str) -> None:
    for word in words:
        assert word in text


def test_from_complaint_to_reopening(open_town: OpenTown) -> None:
    town = open_town("is_registered_sent = true\nis_place_asked = true")
    phone = town.phone(CITIZEN)

    receipt, question, registered = phone.send("BTM lampu jalan mati sudah seminggu")
    ref = reference_in(receipt)
    says(receipt, "Aduan diterima Pemko Batam", ref)
    says(question, f"Aduan {ref} perlu lokasi", f"BTM {ref}")
    says(registered, f"Aduan {ref} tercatat", "LPR-1")

    town.pass_time(hours=3)
    assert phone.send("jl Mawar RT 3 Tiban Indah") == []
    assert town.office.additions == [(ref, "jl Mawar RT 3 Tiban Indah")]

    [status] = phone.send(f"BTM STATUS {ref}")
    says(status, f"Aduan {ref}", "17/08/2026", "diterima", "24/08/2026")

    town.pass_time(days=4)
    town.say(ref, ComplaintStatus.ANSWERED, "Sudah dijadwalkan minggu ini")
    [answer] = phone.hear()
    says(answer, "Jawaban Dinas PU", ref, "Sudah dijadwalkan")
    town.say(ref, ComplaintStatus.CLOSED)
    [closed] = phone.hear()
    says(closed, f"Aduan {ref} SELESAI oleh Dinas PU", "Belum puas?")
    says(phone.send("BTM STATUS")[0], "selesai")

    town.pass_time(days=5)
    [added] = phone.send(f"BTM {ref} masih mati pak")
    says(added, f"Tambahan utk aduan {ref}")
    assert town.office.additions[-1] == (ref, "masih mati pak")
    says(phone.send(f"BTM STATUS {ref}")[0], "proses", "02/09/2026")
    assert phone.hear() == []  # the office still says what it said: that closes nothing

    town.say(ref, ComplaintStatus.IN_PROGRESS)
    town.pass_time(days=1)
    town.say(ref, ComplaintStatus.CLOSED)
    [closed_again] = phone.hear()
    says(closed_again, "SELESAI")


def test_what_the_office_asks_is_answered_without_a_reference(open_town: OpenTown) -> None:
    town = open_town()
    phone = town.phone(CITIZEN)
    ref = reference_in(phone.send("BTM lampu jalan mati sudah seminggu")[0])

    town.say(ref, ComplaintStatus.NEEDS_MORE)
    [question] = phone.hear()
    town.pass_time(hours=2)
    phone.send("jl Mawar RT 3 Tiban")

    says(question, f"Aduan {ref} perlu lokasi")
    assert town.office.additions == [(ref, "jl Mawar RT 3 Tiban")]


def test_the_question_is_answered_once(open_town: OpenTown) -> None:
    town = open_town("is_place_asked = true")
    phone = town.phone(CITIZEN)
    phone.send("BTM lampu jalan mati sudah seminggu")
    town.pass_time(hours=1)
    phone.send("BTM jl Mawar RT 3 Tiban")
    town.pass_time(hours=1)

    [pointer] = phone.send("jl Melati RT 4 Tiban")

    says(pointer, "belum tercatat sbg aduan")
    assert len(town.office.additions) == 1


def test_a_repeat_is_answered_with_the_first_reference(open_town: OpenTown) -> None:
    town = open_town()
    phone = town.phone(CITIZEN)
    ref = reference_in(phone.send("BTM jalan rusak di Tiban")[0])
    town.pass_time(hours=2)

    [again] = phone.send("btm  Jalan RUSAK di tiban")

    says(again, "sudah tercatat", ref)
    assert len(town.office.complaints) == 1


def test_a_stranger_learns_nothing_of_anothers_complaint(open_town: OpenTown) -> None:
    """Not even whether there is one: the answer is that for a number nobody has."""
    town = open_town()
    ref = reference_in(town.phone(CITIZEN).send("BTM jalan rusak di Tiban")[0])
    stranger = town.phone(STRANGER)

    real, invented = stranger.send(f"BTM STATUS {ref}"), stranger.send("BTM STATUS 12345678")

    assert real == invented
    says(real[0], "tidak ditemukan")
    assert ref not in real[0]


def test_a_confidential_complaint_and_what_is_said_after_it(open_town: OpenTown) -> None:
    town = open_town("is_registered_sent = true")
    phone = town.phone(CITIZEN)

    receipt, registered = phone.send("BTM RAHASIA lurah minta uang di Tiban")
    [pointer] = phone.send("pak ini Andi blok C, besok jadi?")

    ref = reference_in(receipt)
    says(receipt, "RAHASIA", "tidak kami teruskan")
    says(registered, ref)
    says(pointer, "belum tercatat")
    assert [complaint.sender for complaint in town.office.complaints] == [None]
    assert town.office.additions == []
    assert [m.text for m in town.store.unsorted()] == ["pak ini Andi blok C, besok jadi?"]


def test_a_clerk_files_it_and_the_citizen_gets_the_receipt(open_town: OpenTown) -> None:
    town = open_town()
    phone = town.phone(CITIZEN)
    phone.send("jalan rusak di Tiban")
    intake = town.rules["btm"].intake

    ref = town.store.triage("person:ani", lambda: "12345674").file(1, intake.file_by_person)
    town.wake()
    town.settle()

    [receipt] = phone.hear()
    says(receipt, "Aduan diterima", ref)
    assert [complaint.text for complaint in town.office.complaints] == ["jalan rusak di Tiban"]


def test_an_operators_promotion_is_kept_and_never_answered(open_town: OpenTown) -> None:
    town = open_town()

    for sender in ("TELKOMSEL", "888"):
        assert town.phone(sender).send("BTM Promo! Kuota 10GB hanya 25rb, balas YA") == []

    assert town.network.submitted_count == 0
    assert town.store.counts().sms == {"operator notice": 2}


def test_opt_out_stops_notices_and_no_receipt_and_back(open_town: OpenTown) -> None:
    town = open_town("is_registered_sent = true\nis_place_asked = true")
    phone = town.phone(CITIZEN)

    [out] = phone.send("BTM STOP")
    [receipt] = phone.send("BTM lampu jalan mati")
    [back] = phone.send("BTM MULAI")
    all_again = phone.send("BTM sampah tidak diangkut")

    says(out, "tidak akan mengirim SMS perkembangan aduan lagi")
    says(receipt, "Aduan diterima")
    says(back, "akan menerima lagi SMS perkembangan aduan")
    assert len(all_again) == 3
    suppressed = "SELECT kind, reason FROM reply WHERE state = 'suppressed'"
    assert rows(town.store, suppressed) == [("registered", "opted out")]


def test_english_is_answered_in_english(open_town: OpenTown) -> None:
    town = open_town("is_english_answered = true\nis_registered_sent = true")
    phone = town.phone("+6281234567891")

    receipt, registered = phone.send("BTM the street light is broken near my house in Tiban")
    [status] = phone.send(f"BTM STATUS {reference_in(receipt)}")

    says(receipt, "Complaint received by Pemko Batam")
    says(registered, "is registered", "LPR-1")
    says(status, "Complaint", "Due")


@pytest.mark.parametrize(
    ("service", "answers"),
    [("", 0), ("reply_abroad = true", 1)],
    ids=["not configured", "configured"],
)
def test_a_number_from_abroad(open_town: OpenTown, service: str, answers: int) -> None:
    town = open_town(service)

    heard = town.phone("+6591234567").send("BTM jalan rusak di Tiban")

    assert len(heard) == answers
    assert len(town.office.complaints) == 1


# --- loops --------------------------------------------------------------------------------------


def talk(town: Town, opening: str, answer: Callable[[int, str], str]) -> int:
    """Let a robot answer whatever it hears, for at most a hundred SMS; return how many it was sent."""
    robot = town.phone(STRANGER)
    heard = robot.send(opening)
    count = len(heard)
    for turn in range(100):
        if not heard:
            break
        heard = robot.send(answer(turn, heard[-1]))
        count += len(heard)
    return count


@pytest.mark.parametrize(
    ("answer", "most"),
    [
        pytest.param(lambda _n, _s: "Terima kasih, pesan Anda kami terima.", 2, id="one text"),
        pytest.param(lambda n, _s: f"Pesan no. {n} kami terima.", 2, id="a counting robot"),
        pytest.param(lambda _n, said: said, 2, id="an echo"),
        pytest.param(lambda _n, said: f"Re: {said}", 2, id="a quoting robot"),
        pytest.param(lambda _n, _s: "BTM jalan rusak di Tiban", 4, id="one complaint"),
        pytest.param(lambda n, _s: f"BTM pesan {n} diterima", BURST_LIMIT, id="with our prefix"),
        pytest.param(lambda n, s: f"BTM {n}: {s}", BURST_LIMIT, id="quoting, with our prefix"),
        pytest.param(lambda n, _s: f"BTM STATUS {10_000_000 + n}", BURST_LIMIT, id="references"),
    ],
)
def test_a_robot_that_answers_ours_is_left_alone_soon(
    open_town: OpenTown, answer: Callable[[int, str], str], most: int
) -> None:
    town = open_town()

    count = talk(town, "BTM jalan rusak di Tiban", answer)

    assert 1 <= count <= most
    sms = sum(town.store.counts().sms.values())
    assert rows(town.store, "SELECT count(*) FROM sms WHERE text IS NOT NULL") == [(sms,)]


def test_a_robots_suppressed_answers_are_kept_with_their_reasons(open_town: OpenTown) -> None:
    town = open_town()
    robot = town.phone(STRANGER)

    heard = [robot.send("Kami sedang tidak di tempat.") for _ in range(6)]

    assert [len(answers) for answers in heard] == [1, 0, 0, 0, 0, 0]
    reasons = rows(
        town.store,
        "SELECT reason, count(*) FROM reply WHERE state = 'suppressed' GROUP BY reason ORDER BY 1",
    )
    assert reasons == [("said already", 2), ("same text again", 3)]


@pytest.mark.parametrize("opening", ["halo", "BTM jalan rusak di Tiban", "BTM BANTUAN"])
@pytest.mark.parametrize(
    ("service", "most"),
    [("", 4), ("is_unprefixed_complaint = true", 2 * BURST_LIMIT)],
    ids=["with prefix", "own SIM, where all is a complaint"],
)
def test_two_gateways_that_answer_each_other_fall_silent(
    tmp_path: Path, opening: str, service: str, most: int
) -> None:
    """Each takes the other for a citizen. What one sends is handed to the other by hand."""
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    towns = [Town(folder, service) for folder in folders]
    phones = [town.phone(STRANGER) for town in towns]
    try:
        said = phones[0].send(opening)
        turns = 0
        while said and turns < 100:
            turns += 1
            said = [heard for text in said for heard in phones[turns % 2].send(text)]
    finally:
        for town in towns:
            town.close()

    assert turns <= most


def test_who_complains_fast_is_told_once_that_answers_stop_and_all_is_kept(
    open_town: OpenTown,
) -> None:
    town = open_town()
    phone = town.phone(CITIZEN)

    heard = [phone.send(f"BTM lampu {word} mati di Tiban") for word in "abcdefg"]

    assert [len(answers) for answers in heard] == [1, 1, 1, 1, 1, 0, 0]
    says(heard[4][0], "5 SMS", "berhenti sampai besok")
    assert len(town.office.complaints) == 7
    town.pass_time(hours=25)
    says(phone.send("BTM parit tersumbat di Tiban")[0], "Aduan diterima")


_ALPHABETS = (
    "abcdefghij ABC0123456789.,:;-_/()?!@#%&*+='\"<>\n\r",
    "aeiou {}[]~|^\\€£$¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉÄÖÑÜ§¿äöñüà",
    "aeiou \u00a0\u200b\u200d\u2028\u202e\ufeff\ufe0f路灯坏了ВТМβ🙏🏽🔥é́",
)


def as_typed() -> list[str]:
    """Complaints of every alphabet, length and spacing."""
    chance = random.Random(2026)
    typed = [
        "BTM jalan rusak",
        "  BTM\n\n jalan  rusak \r\n di Tiban  ",
        "ВТМ路灯坏了 \u200b",
        "btm\u00a0air {mati} [RT 3] ~5 hari|\u20ac10 \\o/",
        '"BTM RAHASIA lurah minta uang"',
        "BTM " + "jalan rusak " * 40,
        "BTM " + "路灯坏了🔥" * 40,
    ]
    for alphabet in _ALPHABETS:
        for length in (1, 20, 66, 67, 156, 157, 300):
            typed.append("BTM jalan " + "".join(chance.choices(alphabet, k=length)) + "x")
    return typed


def test_what_is_typed_reaches_the_office_byte_for_byte(open_town: OpenTown) -> None:
    town = open_town()
    typed = as_typed()

    for number, text in enumerate(typed):
        town.phone(f"+62813000{number:05d}").send(text)

    assert [complaint.raw_text for complaint in town.office.complaints] == typed
    for complaint in town.office.complaints:
        sent = json.loads(json.dumps(describe(complaint), ensure_ascii=False).encode())
        assert sent["text"] == complaint.text
        assert complaint.text in complaint.raw_text


def test_a_stale_receipt_is_not_sent_days_later(open_town: OpenTown) -> None:
    """The SIM has no credit for a day; what the citizen asks after the top-up is answered."""
    town = open_town()
    phone = town.phone(CITIZEN)
    town.set_fault("submit_error", times=0)
    assert phone.send("BTM jalan rusak di Tiban") == []

    town.pass_time(hours=25)
    town.clear_faults()
    town.pass_time(hours=2)

    assert phone.hear() == []
    assert rows(town.store, "SELECT kind, state FROM reply") == [("ack", "expired")]
    assert len(town.office.complaints) == 1
    says(phone.send("BTM STATUS")[0], "diterima")


def test_a_receipt_that_waited_less_than_its_time_is_sent(open_town: OpenTown) -> None:
    town = open_town()
    phone = town.phone(CITIZEN)
    town.set_fault("submit_error", times=0)
    phone.send("BTM jalan rusak di Tiban")

    town.pass_time(hours=20)
    town.clear_faults()
    town.pass_time(hours=2)

    [receipt] = phone.hear()
    says(receipt, "Aduan diterima")


def test_receipts_go_out_when_the_budget_for_all_else_is_used_up(open_town: OpenTown) -> None:
    town = open_town("[service.limits]\ngateway_hour = 10")
    for n in range(9):
        town.phone(f"+62813000001{n:02d}").send("halo pak")

    assert town.phone("+6281300000999").send("BTM BANTUAN") == []
    [receipt] = town.phone(CITIZEN).send("BTM jalan rusak di Tiban")

    says(receipt, "Aduan diterima")
