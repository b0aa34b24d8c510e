"""The experiments that every laboratory of trapped ions does: each finds out one thing about the node."""
