"""The composition root: builds every part, starts and stops them, listens to signals, feeds the watchdog.

Nothing else knows how the parts are joined. One thread for each modem, one for each backend, one for the house;
this one waits for signals. Workers meet in the store only; what passes between them here is a wake-up, never a
message.
"""

from __future__ import annotations

import gc
import random
import secrets
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from hardware.binding import PortFinder
from hardware.modem import Modem, ModemOptions
from hardware.sim_pins import SIM_PINS_FILE, SimPins
from smsgate import __version__, logs
from smsgate.alarms import AlarmBoard
from smsgate.canary import CanaryBoard, CanaryRoute
from smsgate.clock import HostClock, SystemClock
from smsgate.config import load
from smsgate.config_changes import find_changes
from smsgate.control import ControlError, ControlServer
from smsgate.errors import ConfigError, StoreError
from smsgate.healing import PowerCycling
from smsgate.housekeeper import Housekeeper, HouseTools
from smsgate.line import Line
from smsgate.line_commands import line_operations
from smsgate.line_tools import LinePolicy, LineTools
from smsgate.notify import notify, watchdog_interval_s
from smsgate.power import cycle_power
from smsgate.records import LineRecord
from smsgate.rules import build_rules, build_store, knowledge_limits, new_reference
from smsgate.settings import BackendSettings, ModemSettings, Settings
from smsgate.signals import Signals
from smsgate.silence import SilenceWatch
from smsgate.status import GatewayStatus, StatusError, StatusServer
from smsgate.workers import GivesWay, Runner, Worker

if TYPE_CHECKING:
    from smsgate.answers import Answers
    from smsgate.backends.json import JsonBackend
    from smsgate.forwarder import Forwarder

log = structlog.get_logger(__name__)

STOP_TIMEOUT_S = 80.0  # less than TimeoutStopSec=90 of the unit: better we end it than systemd
ABORT_AFTER_S = 20.0
UPGRADE_S = 1800  # for systemd, to wait so long for us: a store of gigabytes is copied first
# The longest honest step is a full memory of 255 slots on a modem that is slow or busy with each of them;
# a step that is ended early is only done again, so this is generous.
STEP_S_MAX = 1800.0
WATCH_S = 10.0
FIRST_LOOK_S = (
    0.5  # the rest waits so long for modems at the start; one in health needs a fifth of it
)
CRASH_STANDS_S = 3600.0  # after the last one: it is to be seen, and most come back
# A line waits for the modem dozens of times a batch. At Python's 5 ms each of these may wait as long for a
# forwarder that is at work; this costs the forwarder little.
SWITCH_INTERVAL_S = 0.0005


class Daemon:
    """One gateway, from start to stop."""

    def __init__(
        self, settings: Settings, config_path: Path, *, clock: HostClock | None = None
    ) -> None:
        self._settings = settings  # as started; a reload replaces what may change live, elsewhere
        self._loaded = settings
        self._config_path = config_path
        self._clock = clock or SystemClock()
        self._started_at = self._clock.now()
        self._alarms = AlarmBoard(self._clock)
        self._rules = build_rules(settings)
        self._store = build_store(settings, self._clock, self._rules, self._wake_lines)
        self._finder = PortFinder()
        self._canaries = CanaryBoard(
            canary_routes(settings), now=self._clock.monotonic(), new_token=new_canary_token
        )
        self._sim_pins = SimPins(settings.gateway.state_dir / SIM_PINS_FILE)
        self._lines = [self._build_line(modem) for modem in settings.modems]
        self._forwarders: dict[str, Forwarder] = {}
        self._answers: list[Answers] = []
        self._runners: list[Runner] = []
        self._crashed_at: dict[str, float] = {}  # the last time, by worker

    # --- life -------------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; return the exit code. Raises SmsgateError when it cannot start."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        with ExitStack() as stack:
            signals = Signals({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
            stack.callback(signals.close)
            self._listen_for_commands(stack)
            self._bring_store_up_to_date()
            self._store.open(create=True)
            stack.callback(self._close_store)
            gateway = self._settings.gateway
            self._store.own(mark=gateway.state_dir / f"store-mark.{gateway.name}.json")
            self._store.keep_disk_reserve(self._settings.store.disk_reserve_mib)
            self._store.recover()
            stack.callback(self._stop_workers)
            self._start_workers()
            self._serve_status(stack)  # after the lines: the first message waits for nothing
            self._listen_to_backends(stack)
            _leave_to_collector_what_is_new()
            notify("READY=1", f"STATUS=smsgate {__version__} is running")
            log.info("gateway_started", gateway=self._settings.gateway.name, version=__version__)
            self._watch(signals)
            notify("STOPPING=1")
        log.info("gateway_stopped")
        return 0

    def _bring_store_up_to_date(self) -> None:
        """After an update of the program: upgrade this host's own store, and keep a copy of it as it was.

        A store that hosts share is left to a person: the other hosts may still run the older program.
        """
        if not self._settings.store.url.startswith("sqlite:") or not self._store.is_older():
            return
        notify("STATUS=upgrading the store", f"EXTEND_TIMEOUT_USEC={UPGRADE_S * 1_000_000}")
        self._store.own()  # a daemon that runs would trip over the change
        done = self._store.upgrade()
        log.info("store_upgraded", before=done.before, now=done.now, copy=str(done.copy))

    def _close_store(self) -> None:
        """Leave everything in the database's own file: after an orderly stop it is whole without its log."""
        try:
            self._store.checkpoint()
        except StoreError as error:
            log.warning("checkpoint_failed", reason=str(error))
        self._store.close()

    def _start_workers(self) -> None:
        tools = HouseTools(
            new_reference,
            self._wake,
            self._alarms,
            self._clock,
            self._settings.store.disk_reserve_mib,
            SilenceWatch([m.name for m in self._settings.modems if m.is_silence_told]),
            lambda: [line.record for line in self._lines],
        )
        house = Housekeeper(self._store, self._rules, tools)
        # The lines first: an SMS that waits on a SIM is stored before the rest is imported, which would take half
        # of the processor from them.
        self._start(self._lines)
        look_until = self._clock.monotonic() + FIRST_LOOK_S
        for runner in self._runners:
            runner.await_first_step(max(look_until - self._clock.monotonic(), 0.0))
        self._forwarders = {b.name: self._build_forwarder(b) for b in self._settings.backends}
        polite = [
            GivesWay(forwarder, is_busy=self._is_receiving, clock=self._clock)
            for forwarder in self._forwarders.values()
        ]
        self._answers = [self._build_answers(b) for b in self._settings.backends if b.status_url]
        self._start([*polite, house, *self._answers])

    def _is_receiving(self) -> bool:
        return any(line.is_busy for line in self._lines)

    def _start(self, workers: Sequence[Worker]) -> None:
        for worker in workers:
            runner = Runner(worker, clock=self._clock, on_crash=self._note_crash)
            self._runners.append(runner)
            runner.start()

    def _stop_workers(self) -> None:
        """Let every step in hand finish, then end; what does not end in time is left to the leases."""
        deadline = self._clock.monotonic() + STOP_TIMEOUT_S
        for runner in self._runners:
            runner.ask_to_stop()
        # A request that is on its way gets a moment; cut off, it would be one in doubt.
        abort_at = self._clock.monotonic() + ABORT_AFTER_S
        for runner in self._runners:
            runner.join(max(abort_at - self._clock.monotonic(), 0.0))
        for forwarder in self._forwarders.values():
            forwarder.abort()
        for answers in self._answers:
            answers.abort()
        for runner in self._runners:
            if not runner.join(max(deadline - self._clock.monotonic(), 0.1)):
                log.error("worker_did_not_stop", worker=runner.worker.name)

    def _listen_for_commands(self, stack: ExitStack) -> None:
        """Let commands ask us.

        That another daemon answers there ends us; any other trouble must not keep SMS waiting.
        """
        control = ControlServer(
            self._settings.gateway.control,
            {
                "status": lambda _request: self.snapshot().as_plain(),
                "wake": lambda _request: self._wake_everybody(),
                **line_operations({line.record.name: line for line in self._lines}),
            },
        )
        try:
            control.start()
        except ControlError as error:
            self._alarms.raise_alarm("control", str(error))
        else:
            stack.callback(control.close)

    def _serve_status(self, stack: ExitStack) -> None:
        address = self._settings.status.address
        if address is None:
            return
        server = StatusServer(address, self.snapshot)
        try:
            server.start()
        except StatusError as error:
            self._alarms.raise_alarm("status", str(error))
        else:
            stack.callback(server.close)
            log.info("status_served", url=server.url)

    def _listen_to_backends(self, stack: ExitStack) -> None:
        if self._settings.callbacks.address is None:
            return
        from smsgate.callbacks import CallbackError, open_callbacks

        try:
            server = open_callbacks(self._settings, self._store, self._clock, self._wake_lines)
        except CallbackError as error:
            self._alarms.raise_alarm("callbacks", str(error))
        else:
            stack.callback(server.close)
            log.info("callbacks_served", url=server.url)

    # --- the main thread --------------------------------------------------------------------------------------------

    def _watch(self, signals: Signals) -> None:
        """Wait for signals; feed the watchdog while every worker makes progress."""
        interval_s = min(watchdog_interval_s() or WATCH_S, WATCH_S)
        while not (came := signals.wait(interval_s)) & {signal.SIGTERM, signal.SIGINT}:
            if signal.SIGHUP in came:
                self._reload_settings()
            if self._are_workers_progressing():
                notify("WATCHDOG=1")

    def _are_workers_progressing(self) -> bool:
        now = self._clock.monotonic()
        stuck = [r for r in self._runners if not r.is_progressing(now=now, step_s_max=STEP_S_MAX)]
        for runner in stuck:
            self._alarms.raise_alarm(
                f"worker.{runner.worker.name}.stuck",
                f"The worker {runner.worker.name} has made no progress for {STEP_S_MAX:g} s; the watchdog ends us.",
            )
        for runner in self._runners:
            name = runner.worker.name
            if runner not in stuck:
                self._alarms.clear_alarm(f"worker.{name}.stuck")
            if now - self._crashed_at.get(name, now) >= CRASH_STANDS_S:
                del self._crashed_at[name]
                self._alarms.clear_alarm(f"worker.{name}.crash")
        return not stuck

    def _reload_settings(self) -> None:
        """Take over what may change live; keep the old configuration if the new one is bad."""
        try:
            settings = load(self._config_path)
        except ConfigError as error:
            log.error("configuration_refused", problems=error.problems)
            self._alarms.raise_alarm(
                "config",
                "The new configuration is wrong and the old one stays: run `smsgate config check`.",
            )
            return
        for service in settings.services:
            if service.name in self._rules:
                self._rules[service.name].replace(service, settings)
                self._store.set_limits({service.name: knowledge_limits(service)})
        logs.set_level(settings.logs.level)
        self._alarms.clear_alarm("config")
        self._say_what_changed(settings)
        self._loaded = settings

    def _say_what_changed(self, settings: Settings) -> None:
        """Name what is in force now, and what waits for a restart, also from reloads before."""
        waiting = find_changes(self._settings, settings).at_restart
        live = find_changes(self._loaded, settings).live
        log.info("configuration_reloaded", in_force=list(live), needs_restart=list(waiting))
        if waiting:
            self._alarms.raise_alarm(
                "config.restart",
                "The configuration was changed, but this is not in force before a restart: "
                f"{', '.join(waiting)}.",
            )
        else:
            self._alarms.clear_alarm("config.restart")

    # --- what the parts tell each other -------------------------------------------------------------------------------

    def _wake(self, backends: Collection[str]) -> None:
        """These backends have work now; with none named, everybody looks."""
        for name in backends:
            if name in self._forwarders:  # else it looks by itself when it starts
                self._forwarders[name].wake()
        if not backends:
            for worker in (*self._forwarders.values(), *self._lines):
                worker.wake()

    def _wake_lines(self) -> None:
        """A forwarder made a notice due."""
        for line in self._lines:
            line.wake()

    def _wake_everybody(self) -> dict[str, object]:
        """A command has changed the store: look now, not at the next round."""
        for runner in self._runners:
            runner.worker.wake()
        for forwarder in self._forwarders.values():
            forwarder.hurry()
        return {}

    def _note_crash(self, worker: str, _error: BaseException) -> None:
        self._crashed_at[worker] = self._clock.monotonic()
        self._alarms.raise_alarm(
            f"worker.{worker}.crash",
            f"The worker {worker} met a mistake of ours and was started again; the log has the traceback.",
        )

    def snapshot(self) -> GatewayStatus:
        """Return how the gateway is doing now."""
        try:
            backends, counts = tuple(self._store.backends()), self._store.counts()
        except StoreError:
            backends, counts = (), None  # said by an alarm; the lines are known all the same
        return GatewayStatus(
            gateway=self._settings.gateway.name,
            version=__version__,
            started_at=self._started_at,
            lines=tuple(line.record for line in self._lines),
            backends=backends,
            counts=counts,
            alarms=self._alarms.standing(),
        )

    # --- building ---------------------------------------------------------------------------------------------------

    def _build_line(self, modem: ModemSettings) -> Line:
        pin = self._settings.secret(f"modem.{modem.name}.pin")
        options = ModemOptions(
            port=str(modem.port) if modem.port is not None else None,
            imei=modem.imei,
            ports=modem.ports,
            baud=modem.baud,
            memories=modem.memories,
            pin=pin.get_secret_value() if pin is not None else None,
            wants_reports=modem.delivery_reports,
            flow_control=modem.flow_control,
            command_timeout_s=modem.command_timeout_s,
            pin_ledger=self._settings.gateway.state_dir / "pin-attempts.json",
        )
        return Line(
            LineRecord(
                gateway=self._settings.gateway.name,
                name=modem.name,
                service=modem.service,
                state="closed",
                port=options.port,
            ),
            new_modem=partial(
                Modem, options, log=partial(_log_modem, modem.name), finder=self._finder
            ),
            store=self._store,
            decide=self._canaries.watch(self._rules[modem.service]),
            tools=LineTools(
                clock=self._clock,
                chance=random.random,
                policy=LinePolicy(
                    poll_s=modem.poll_s,
                    power=PowerCycling(bool(modem.power_cycle), modem.power_cycle_every_min * 60.0),
                ),
                new_reference=new_reference,
                on_work=self._wake,
                raise_alarm=self._alarms.raise_alarm,
                clear_alarm=self._alarms.clear_alarm,
                away_lines=partial(self._away_lines, modem),
                canaries=self._canaries,
                sim_pins=self._sim_pins,
                cycle_power=partial(cycle_power, modem.power_cycle, line=modem.name),
            ),
        )

    def _away_lines(self, modem: ModemSettings) -> list[str]:
        """Return the lines whose replies leave by this modem meanwhile."""
        service = self._settings.service(modem.service)
        if not service.replies_by_other_line:
            return []
        return [
            line.record.name
            for line in self._lines
            if line.record.service == service.name
            and line.record.name != modem.name
            and line.is_away(service.other_line_after_min * 60.0)
        ]

    def _build_forwarder(self, backend: BackendSettings) -> Forwarder:
        # The HTTP client is an eighth of the start; see _start_workers.
        from smsgate.forwarder import Forwarder

        return Forwarder(
            self._store, self._open_backend(backend), clock=self._clock, chance=random.random
        )

    def _build_answers(self, backend: BackendSettings) -> Answers:
        """Ask over connections of its own: a slow answer must not keep complaints waiting."""
        from smsgate.answers import Answers, AnswerTools, age_max

        tools = AnswerTools(
            clock=self._clock,
            poll_s=backend.answers_poll_s,
            age_max=age_max(self._settings.services),
            on_replies=self._wake_lines,
            raise_alarm=self._alarms.raise_alarm,
            clear_alarm=self._alarms.clear_alarm,
        )
        return Answers(self._store, self._open_backend(backend), tools)

    def _open_backend(self, backend: BackendSettings) -> JsonBackend:
        from smsgate.backends.json import JsonContract, open_json_backend

        token = self._settings.secret(f"backend.{backend.name}.token")
        secret = self._settings.secret(f"backend.{backend.name}.secret")
        contract = JsonContract(
            name=backend.name,
            url=backend.url,
            token=token.get_secret_value() if token is not None else None,
            secret=secret.get_secret_value() if secret is not None else None,
            fields={str(ours): theirs for ours, theirs in backend.fields.items()},
            tracking_field=backend.tracking_field,
            find_url=backend.find_url,
            add_url=backend.add_url,
            honours_idempotency_keys=backend.honours_idempotency_keys,
            settle_s=backend.settle_s,
            status_url=backend.status_url,
            status_field=backend.status_field,
            answer_field=backend.answer_field,
            unit_field=backend.unit_field,
            statuses=backend.statuses,
        )
        return open_json_backend(
            contract, clock=self._clock, timeout_s=backend.timeout_s, ca_file=backend.ca_file
        )


def _log_modem(line: str, event: str, fields: Mapping[str, object]) -> None:
    """Pass on what the driver says of its link; it names no message."""
    log.info(event, line=line, **fields)


def _leave_to_collector_what_is_new() -> None:
    """What stands after the start stays to the end: no collection is to go through it (`launch` put them off).

    Nor is there one now: every thread would stand still for it, with the first SMS in its hands.
    """
    gc.freeze()
    gc.enable()


def new_canary_token() -> str:
    """Return what tells one canary from another."""
    return secrets.token_hex(4).upper()


def canary_routes(settings: Settings) -> list[CanaryRoute]:
    """Return who sends canaries to whom; the configuration was checked."""
    numbers = {modem.name: modem.sim_number for modem in settings.modems}
    routes = []
    for modem in settings.modems:
        to_line = modem.canary_to or modem.name
        number = numbers[to_line]
        if modem.canary_every_h and number is not None:
            every_s = modem.canary_every_h * 3600.0
            routes.append(CanaryRoute(modem.name, to_line, number, every_s, modem.sim_number))
    return routes
