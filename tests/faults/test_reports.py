"""Delivery reports, from a reply's TP-SRR to its state, on the simulated modem: late, twice, foreign, never."""

import pytest
from fault_bench import NUMBER, FaultBench
from msgspec import structs
from simulation.gateway import _INTAKE
from stores import SERVICES, rows

from hardware.simulator.profiles import GENERIC
from smsgate.records import Decision, Disposition, NewReply, ReplyKind
from smsgate.store import Store

HOUR_S = 3600.0
LONG = "Laporan Anda sudah diteruskan. " * 8  # two parts
STORES_REPORTS = structs.replace(GENERIC, notification_values=("012", "0123", "02", "02", "01"))


def decide_at_length(sms, known, reference):
    return Decision(Disposition.QUERY, replies=(NewReply(ReplyKind.HELP, sms.sender, LONG),))


class ReportBench(FaultBench):
    """A line that wants reports, on a real store; `asked` are the submissions that the network has to report on."""

    def __init__(self, url, *, decide=_INTAKE.decide, **options):
        super().__init__(**({"reports": True} | options))
        self.kept = Store(url, "batam-1", clock=self.clock, services=SERVICES)
        self.kept.open()
        self.kept.own()
        self.use(self.kept, decide)
        self.asked = []
        submit = self.device.submit

        def note(submission):
            reference = submit(submission)
            if submission.wants_report:
                self.asked.append((submission, reference))
            return reference

        self.device.submit = note

    def answer(self, text="BTM banjir di depan pasar"):
        """Have a citizen write and be answered; return the state of the reply then."""
        self.run_for(2)
        self.arrive(text)
        self.run_for(60)
        return self.states()

    def report(self, number, status=0):
        """Have the network report on this submission now."""
        submission, reference = self.asked[number]
        self.network.report(NUMBER, submission, reference, status=status)
        self.run_for(20)

    def states(self):
        return [row[0] for row in rows(self.kept, "SELECT state FROM reply ORDER BY id")]

    def submitted(self):
        return self.network.submitted_count


@pytest.fixture
def make_bench(sqlite_url):
    benches = []

    def make(**options):
        benches.append(ReportBench(sqlite_url, **options))
        return benches[-1]

    yield make
    for bench in benches:
        bench.line.close()
        bench.kept.close()


def test_reply_is_delivered_when_the_network_says_so(make_bench):
    bench = make_bench()

    assert bench.answer() == ["delivered"]
    assert rows(bench.kept, "SELECT disposition FROM sms ORDER BY id") == [
        ("complaint",),
        ("report",),
    ]
    bench.report(0)
    assert bench.device.settings.notification == (2, 1, 0, 1, 0), "each report is acknowledged"


def test_report_that_is_stored_is_fetched_from_its_own_memory(make_bench):
    """A modem that cannot hand reports over (+CDSI); their memory is no room for SMS."""
    bench = make_bench()
    device = bench.device
    device.memories["SR"] = type(device.memories["SM"])("SR", 5)
    device.profile = STORES_REPORTS
    device.settings.notification = (0, 0, 0, 0, 0)

    assert bench.answer() == ["delivered"]
    assert device.settings.notification[3] == 2
    assert (device.memories["SR"].used, device.memories["SM"].used) == (0, 0)
    assert bench.line.record.capacity == 20
    assert device.settings.memories[1:] == ("SM", "SM")


def test_report_of_a_modem_without_such_a_memory_is_found_among_the_sms(make_bench):
    bench = make_bench()
    bench.device.profile = STORES_REPORTS

    assert bench.answer() == ["delivered"]
    assert bench.device.memories["SM"].used == 0


def test_no_report_is_asked_for_where_none_is_wanted(make_bench):
    bench = make_bench(reports=False)

    assert bench.answer() == ["submitted"]
    assert not bench.asked
    assert bench.device.settings.notification[3] == 0


def test_modem_that_brings_no_reports_is_asked_for_none_and_receives_all_the_same(make_bench):
    bench = make_bench()
    bench.device.profile = structs.replace(
        STORES_REPORTS, notification_values=("012", "0123", "02", "0", "01")
    )

    assert bench.answer() == ["submitted"]
    assert not bench.asked
    assert bench.device.settings.notification == (2, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        pytest.param(0x00, "delivered", id="the phone has it"),
        pytest.param(0x30, "submitted", id="the SMSC still tries"),
        pytest.param(0x46, "undelivered", id="the SMSC has given up"),
    ],
)
def test_late_report_settles_its_reply_and_sends_nothing_again(make_bench, status, state):
    bench = make_bench()
    bench.strike("report", code=status, delay_s=HOUR_S)

    assert bench.answer() == ["submitted"]
    bench.run_for(HOUR_S)

    assert bench.states() == [state]
    assert bench.submitted() == 1


def test_report_that_never_comes_is_no_failure(make_bench):
    bench = make_bench()
    bench.strike("report", text="none")
    bench.answer()

    bench.run_for(2 * HOUR_S)

    assert bench.states() == ["submitted"]
    assert bench.submitted() == 1
    assert not bench.alarms


def test_report_that_comes_twice_says_nothing_new(make_bench):
    bench = make_bench()
    bench.answer()

    bench.report(0)

    assert bench.states() == ["delivered"]
    told = rows(bench.kept, "SELECT count(*) FROM complaint_event WHERE event = 'reply_delivered'")
    assert told == [(1,)]


def test_report_about_what_others_sent_changes_nothing(make_bench):
    """Whoever had the SIM before us, or the modem, may have asked for it."""
    bench = make_bench()
    bench.strike("report", text="none")
    bench.answer()
    submission, reference = bench.asked[0]
    stranger = structs.replace(submission, recipient="+6281300000009")
    nobody = structs.replace(submission, recipient=submission.recipient[-3:])

    bench.network.report(NUMBER, stranger, reference, status=0x46)
    bench.network.report(NUMBER, nobody, reference, status=0x46)
    bench.network.report(NUMBER, submission, reference + 1, status=0x46)
    bench.run_for(30)

    assert bench.states() == ["submitted"]
    assert bench.device.memories["SM"].used == 0


def test_long_reply_is_delivered_when_each_of_its_parts_is(make_bench):
    bench = make_bench(decide=decide_at_length)
    bench.strike("report", text="none")
    assert bench.answer() == ["submitted"]
    assert len(bench.asked) == 2

    bench.report(1)
    assert bench.states() == ["submitted"]
    bench.report(0)
    assert bench.states() == ["delivered"]


def test_long_reply_is_undelivered_when_one_of_its_parts_is(make_bench):
    bench = make_bench(decide=decide_at_length)
    bench.strike("report", text="none")
    bench.answer()

    bench.report(0)
    bench.report(1, status=0x46)

    assert bench.states() == ["undelivered"]


def test_report_does_not_wait_until_the_next_part_is_taken(make_bench):
    """Unacknowledged for 15 s, the modem announces nothing any more: here each part takes 10."""
    bench = make_bench(decide=decide_at_length)
    bench.strike("late_answer", command="+CMGS", delay_s=10)
    bench.run_for(2)
    bench.arrive()
    bench.run_for(31)

    assert bench.states() == ["delivered"]
    assert bench.line.modem.generation == 1, "its settings were never lost"


def test_modem_that_waited_too_long_for_us_is_set_up_again_at_once(make_bench):
    """The network took longer for one SMS than the modem waits with the report on the one before."""
    bench = make_bench()
    bench.strike("late_answer", command="+CMGS", delay_s=20)
    bench.run_for(2)
    bench.arrive()
    bench.run_for(30)

    assert bench.device.settings.notification == (2, 1, 0, 1, 0)
    assert bench.states() == ["delivered"]
    assert bench.submitted() == 1


def test_report_stays_with_the_line_after_the_modem_has_restarted(make_bench):
    bench = make_bench()
    bench.strike("report", text="none")
    bench.answer()
    bench.strike("reboot")
    bench.run_for(30)
    bench.report(0)

    assert bench.device.settings.notification == (2, 1, 0, 1, 0)
    assert bench.states() == ["delivered"]
