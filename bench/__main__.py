"""``make bench [ONLY=name]``: every benchmark, or the one named."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import bench


def main(only: list[str]) -> int:
    """Run the benchmarks in the order of their names; returns the exit status."""
    names = [module.name for module in pkgutil.iter_modules(bench.__path__)]
    names = [name for name in names if not name.startswith("_")]
    unknown = [name for name in only if name not in names]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(names)}", file=sys.stderr)
        return 2
    for name in only or names:
        print(f"\n{name}", flush=True)
        importlib.import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
