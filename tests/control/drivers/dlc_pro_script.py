"""What a DLC pro is asked and answers, as steps of a script; bytes of the sheet."""

from __future__ import annotations

WELCOME = (b"", b"Welcome to DLC PRO\r\nDeCoF Command Line\r\n> ")
HANG_UP = ()


def said(request, reply):
    return request.encode() + b"\n", reply.encode() + b"\r\n> "


def ref(name, reply):
    return said(f"(param-ref '{name})", reply)


def put(name, value, reply="0"):
    return said(f"(param-set! '{name} {value})", reply)


def run(name, reply="()"):
    return said(f"(exec '{name})", reply)


IDENTITY = (
    ref("system-type", '"DLC pro"'),
    ref("serial-number", '"DLC PRO_012345"'),
    ref("fw-ver", '"3.2.0"'),
)


def bounds(laser):
    return (
        ref(f"{laser}:dl:cc:current-clip", "120.0"),
        ref(f"{laser}:dl:tc:temp-set-min", "15.0"),
        ref(f"{laser}:dl:tc:temp-set-max", "35.0"),
        ref(f"{laser}:dl:pc:voltage-min", "-1.0"),
        ref(f"{laser}:dl:pc:voltage-max", "139.0"),
    )


LIMITS = (*bounds("laser1"), *bounds("laser2"))
MET = (*IDENTITY, ref("uptime", "100"), *LIMITS)
GREETING = (WELCOME, *MET)
STATE, PIEZO = "laser1:dl:lock:state", "laser1:dl:pc:voltage-act"
