"""Stores that close themselves after the test; and which test watches which rule of the store.

| rule | test |
| --- | --- |
| no savepoints: a full disk commits nothing of a batch | test_a_disk_that_fills_in_the_middle_of_a_batch_commits_nothing_of_it |
| a transaction that ended by itself aborts the batch | test_a_transaction_that_ended_under_our_feet_aborts_the_batch |
| the culprit alone goes to quarantine | test_a_message_that_trips_us_goes_to_quarantine_and_the_others_on |
| a batch is deduplicated | test_one_slot_listed_twice_in_a_batch_is_one_message |
| opposite orders do not deadlock; contention is tried again | test_batches_in_opposite_orders_do_not_stand_in_each_others_way, test_a_transaction_that_stood_in_anothers_way_is_done_again |
| a lock on the sender | test_two_halves_in_two_transactions_at_once_are_assembled, test_a_part_waits_for_the_senders_other_transaction |
| a claim takes one row | test_a_claim_takes_one_row_under_any_plan |
| NUL and lone surrogates | test_text_that_databases_refuse_is_kept_visibly |
| readers block no commit | test_an_open_reader_does_not_block_commits |
| every commit is synced | test_every_connection_syncs_each_commit |
| a reserve of disk | test_below_the_reserve_nothing_is_claimed_and_what_is_claimed_is_settled |
| one daemon for a store, or a name | test_a_second_daemon_of_the_same_name_is_refused_in_a_sentence |
| the key: SMSC field and TP-MMS left out | test_retransmission_with_another_smsc_and_more_to_send_is_the_same_message |
| without an SCTS a verified delete makes it new | test_without_scts_a_slot_read_again_after_a_verified_delete_is_a_new_message |
| a death between delete and listing | test_what_a_listing_no_longer_shows_is_gone_and_the_same_octets_are_new |
| another SIM | test_parts_on_another_sim_are_neither_gone_nor_the_same |
| settling carries the fence | test_a_settling_without_the_fence_changes_nothing, test_an_old_claim_settles_nothing |
| a claim that ran out is in doubt, never due | test_a_claim_of_our_own_that_nobody_settles_runs_out, test_leases_go_by_the_databases_clock |
| a dead process's claims | test_claims_of_a_dead_process_are_brought_home_at_start, test_the_owner_of_a_gateway_name_inherits_its_claims_at_once |
| what cannot be found out is parked | test_what_cannot_be_found_out_is_parked_for_a_person |
| replies of one complaint leave in order | test_replies_of_one_complaint_leave_in_order |
| backoff is per recipient | test_backoff_is_per_recipient |
| nothing expires by a wrong clock | test_a_clock_that_jumps_ahead_and_back_expires_nothing |
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
