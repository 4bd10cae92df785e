"""``python -m audit_lib.reference_engine``: build the store, or compare the contract."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run one of the commands; the exit code is 0 if all is well, 1 on drift, 2 on bad usage."""
    parser = argparse.ArgumentParser(prog="reference_engine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build_parser = commands.add_parser("build", help="train every version into a store")
    build_parser.add_argument("--out", type=Path, help="folder (default build/reference_engine)")
    build_parser.add_argument("--version", action="append", help="train only this one (repeatable)")
    build_parser.add_argument("--force", action="store_true", help="even if it is up to date")
    contract_parser = commands.add_parser("contract", help="compare the contract with the code")
    contract_parser.add_argument("--write", action="store_true", help="write it from the code")
    chosen = parser.parse_args(arguments)
    if chosen.command == "contract":
        return _contract(chosen.write)
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"  # before the libraries load: same bytes on every machine
    from .build import build
    from .errors import Refused

    try:
        store = build(chosen.out, chosen.version, force=chosen.force, say=print)
    except Refused as error:
        print(f"reference_engine: {error}", file=sys.stderr)
        return 2
    print(f"store: {store}")
    return 0


def _contract(write: bool) -> int:
    from . import contract

    if write:
        contract.write()
    drifted = contract.drifted()
    for line in drifted:
        print(line)
    return 1 if drifted else 0


if __name__ == "__main__":
    raise SystemExit(main())
