"""Runs in the formats of other programs: written for them (`exports`), and read from them (`importing`)."""
