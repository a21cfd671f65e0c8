"""How sure a share is."""

from __future__ import annotations

import ibis
from ibis import _

Z95 = 1.959964
"""97.5 % quantile of the normal law."""


def with_interval(table: ibis.Table, part: str, base: str) -> ibis.Table:
    """Add `low` and `high`: the 95 % interval of the share part / base, null without a base.

    Wilson's score interval (Wilson 1927, JASA 22:209–212), which is honest for few cases too.
    """
    n = _[base].nullif(0)
    p = _[part] / n
    centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    reach = Z95 / (1 + Z95**2 / n) * (p * (1 - p) / n + Z95**2 / (4 * n * n)).sqrt()
    return table.mutate(
        low=ibis.greatest(centre - reach, 0.0), high=ibis.least(centre + reach, 1.0)
    )
