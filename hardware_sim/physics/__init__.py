"""The physics of the simulated node: pure functions and small frozen models, no I/O."""
