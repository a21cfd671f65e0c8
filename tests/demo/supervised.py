"""Supervises the programs named on the command line, as `demo.run` does with Wald's parts.

Usage: supervised.py LOGS STEP NAME PORT PROGRAM [NAME PORT PROGRAM ...]; a STEP is a program to
complete before watching (empty: none). Programs are Python text.
"""

from __future__ import annotations

import os
import sys
import urllib.request
from functools import partial
from pathlib import Path

from demo.parts import Part, PartFailed, Parts, Stopped, require_free_ports


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return True
    except OSError:
        return False


def main(logs: str, step: str, *triples: str) -> int:
    parts = [
        Part(name, (sys.executable, "-c", program, port), int(port), partial(answers, int(port)))
        for name, port, program in zip(triples[::3], triples[1::3], triples[2::3], strict=True)
    ]
    try:
        with Parts(Path(logs), os.environ, Path.cwd()) as running:
            require_free_ports(parts)
            for part in parts:
                running.start(part)
            for part in parts:
                running.await_answer(part, patience=10)
            if step:
                running.complete("step", (sys.executable, "-c", step))
            print("watching", flush=True)
            running.watch()
    except PartFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except Stopped:
        return 0
    return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
