"""How a client and a server of calls begin: a banner, what the server offers, what the client chooses of it.

Source:
    sipyco 1.4, `sipyco.pc_rpc`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from control.rpc.dialects import V1, V2, Dialect

BANNER = b"ARTIQ pc_rpc"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server tells whoever connects.

    Attributes:
        targets: names of the objects whose methods can be called.
        description: what it says of itself, None if nothing.
        dialect: the best version of PYON that it speaks.
    """

    targets: tuple[str, ...]
    description: str | None
    dialect: Dialect


def offer_in(hello: Any) -> Offer | None:
    """Return what a server offers first, which it says in version 2 always; None if it is no offer.

    Example:
        >>> offer_in({"targets": ["lamp"], "description": None, "features": ["pyon_v2"]}).dialect.version
        'v2'
        >>> offer_in(["lamp"])
    """
    match hello:
        case {"targets": [*targets]}:
            features = hello.get("features") or ()
            dialect = V2 if isinstance(features, list) and V2.feature in features else V1
            description = hello.get("description")
            names = tuple(target for target in targets if isinstance(target, str))
            return Offer(names, description if isinstance(description, str) else None, dialect)
    return None


def choice(target: str, dialect: Dialect) -> bytes:
    r"""Return the line with which a client chooses.

    Example:
        >>> choice("lamp", V2), choice("lamp", V1)
        (b'lamp pyon_v2\n', b'lamp\n')
    """
    return f"{target} {dialect.feature}".rstrip().encode() + b"\n"
