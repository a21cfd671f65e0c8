"""How values sort: null, false, true, numbers, strings, objects.

Source: https://firebase.google.com/docs/database/rest/retrieve-data, "How data is ordered".
Ties are ordered by key. A value's form in an index compares as bytes like the value does.
"""

import struct

from rtdb.tree import Tree

NULL, FALSE, TRUE, NUMBER, TEXT, OBJECT = (bytes([n]) for n in range(1, 7))


def sortable(value: Tree) -> bytes:
    """The form of `value` in an index; no form is the beginning of another."""
    if isinstance(value, str):
        return TEXT + value.encode().replace(b"\0", b"\0\xff") + b"\0\0"
    if value is None:
        return NULL
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if isinstance(value, int | float):
        return NUMBER + sortable_number(value)
    return OBJECT


def sortable_number(number: int | float) -> bytes:
    """The nearest double, then what an integer beyond 2^53 lies beside it."""
    double = float(number)
    (bits,) = struct.unpack(">Q", struct.pack(">d", double + 0.0))
    bits ^= 0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else 1 << 63
    rest = number - int(double) if isinstance(number, int) else 0
    return struct.pack(">QH", bits, rest + (1 << 15))
