"""Links: bytes to and from instruments, whatever the cable."""

from control.transport.link import Deadline, Link
from control.transport.resources import CONTROLLER, make_link, open_link
from control.transport.serial_line import LineSettings

__all__ = ["CONTROLLER", "Deadline", "LineSettings", "Link", "make_link", "open_link"]
