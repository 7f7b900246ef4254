"""Text to meaning: what a citizen's SMS asks for. Pure; no I/O, no clock; never raises for what a person typed."""
