"""Every transaction of the gateway. `tables` and `migrations` are seen by nobody outside this
folder.

The way in is `Store`; each part of it is a module of its own:

- `receive` takes listed slots in: `sameness` (which are new), `grouping` (which belong together),
  `knowledge` (what is known of their senders), `deciding` (what they become), `filing` and `rows`
  (what is written), `held`, `reports`, `overdue`;
- `forwards` and `replies` are the outboxes, with `leases` and `backend_state`;
- `looking`, `messages`, `lines`, `alarms` and `events` are for people to look at; `triage`,
  `forward_care` and `reply_care` for them to change;
- `database`, `schema`, `ownership` and `failures` are what all of it stands on.
"""

from __future__ import annotations

from smsgate.store.alarms import AlarmRecord
from smsgate.store.room import ServiceFacts
from smsgate.store.store import Store

__all__ = ["AlarmRecord", "ServiceFacts", "Store"]
