"""The migrations of the store, run by `smsgate db upgrade`."""
