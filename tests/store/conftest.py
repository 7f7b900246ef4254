"""Stores that close themselves after the test; and which test watches which rule of the store.

Each rule was broken by hand, in each of the ways named, and the test beside it was seen red.

| rule, and how it was broken | test |
| --- | --- |
| no savepoints: one for each message, what fails passed over | test_a_disk_that_fills_in_the_middle_of_a_batch_commits_nothing_of_it |
| a transaction that ended by itself aborts the batch: not looked at | test_a_transaction_that_ended_under_our_feet_aborts_the_batch |
| the culprit alone goes to quarantine: nothing goes, or the whole batch | test_a_message_that_trips_us_goes_to_quarantine_and_the_others_on |
| a batch is deduplicated: each slot an arrival | test_one_slot_listed_twice_in_a_batch_is_one_message |
| opposite orders do not deadlock: locks not sorted | test_locks_on_senders_are_taken_in_one_order |
| contention is tried again: one try | test_a_transaction_that_stood_in_anothers_way_is_done_again |
| a lock on the sender: none taken | test_two_halves_in_two_transactions_at_once_are_assembled, test_a_part_waits_for_the_senders_other_transaction |
| a claim takes one row: `IN (SELECT … LIMIT 1)` | test_a_claim_takes_one_row_under_any_plan |
| NUL: not escaped | test_text_that_databases_refuse_is_kept_visibly |
| lone surrogates: not escaped | test_lone_surrogates_in_what_is_decided_are_kept_visibly |
| readers block no commit: they read on the writer | test_an_open_reader_does_not_block_commits |
| every commit is synced: `synchronous=NORMAL` | test_every_connection_syncs_each_commit |
| a reserve of disk: not looked at | test_below_the_reserve_nothing_is_claimed_and_what_is_claimed_is_settled |
| one daemon for a store, or a name: no lock on the file, none on the name | test_a_second_daemon_of_the_same_name_is_refused_in_a_sentence |
| the key: SMSC field, or TP-MMS, left in | test_retransmission_with_another_smsc_and_more_to_send_is_the_same_message |
| without an SCTS a verified delete makes it new: the part's state not looked at | test_without_scts_a_slot_read_again_after_a_verified_delete_is_a_new_message |
| a death between delete and listing: what is absent is not marked | test_what_a_listing_no_longer_shows_is_gone_and_the_same_octets_are_new |
| another SIM: all taken for one | test_parts_on_another_sim_are_neither_gone_nor_the_same |
| settling carries the fence: a forward's without it | test_a_settling_without_the_fence_changes_nothing |
| settling carries the fence: a reply's without it, a part's without it | test_an_old_claim_settles_nothing |
| a claim that ran out is in doubt, never due: ours never runs out, a forward is due, a reply is due | test_a_claim_of_our_own_that_nobody_settles_runs_out |
| leases go by the database's clock: by ours | test_leases_go_by_the_databases_clock |
| a dead process's claims: not looked for (SQLite) | test_claims_of_a_dead_process_are_brought_home_at_start |
| a dead process's claims: not inherited (PostgreSQL) | test_the_owner_of_a_gateway_name_inherits_its_claims_at_once |
| what cannot be found out is parked: due again | test_what_cannot_be_found_out_is_parked_for_a_person |
| replies of one complaint leave in order: all claimable, or the next never released | test_replies_of_one_complaint_leave_in_order |
| backoff is per recipient: nobody held back, or everybody | test_backoff_is_per_recipient |
| nothing expires by a wrong clock: any clock believed | test_a_clock_that_jumps_ahead_and_back_expires_nothing |
| a clock that was behind: its leap not waited for, its receipts not lengthened | test_a_receipt_of_a_clock_behind_lives_as_long_as_any_once_it_is_set_forward |
| a clock that was behind: receipts of before the boot lengthened | test_a_receipt_of_before_the_boot_is_as_old_as_it_looks |
| a clock that was behind: one that was right taken for it | test_the_time_that_a_host_sleeps_makes_receipts_older |
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from inbound import HandClock
from stores import SERVICES, StoreMaker

from smsgate.store import Store


@pytest.fixture
def clock() -> HandClock:
    """A clock at noon."""
    return HandClock()


@pytest.fixture
def make_store(store_url: str, clock: HandClock) -> Iterator[StoreMaker]:
    """Open stores on one database: another gateway name, clock or service where a test says so."""
    opened: list[Store] = []

    def make(gateway: str = "batam-1", **how: Any) -> Store:
        store = Store(store_url, gateway, **({"clock": clock, "services": SERVICES} | how))
        opened.append(store)
        store.open()
        return store

    yield make
    for store in opened:
        store.close()
