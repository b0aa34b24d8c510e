"""The setup file: what a lab has, what it believes, and where each number comes from."""

from control.setup.files import shipped_setups
from control.setup.instruments import Instrument
from control.setup.setup import Setup, read_setup
from control.setup.values import SourcedValue, read_declared

__all__ = ["Instrument", "Setup", "SourcedValue", "read_declared", "read_setup", "shipped_setups"]
