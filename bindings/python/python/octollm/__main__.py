"""``python -m octollm``: the whole command line of OctoLLM."""

from __future__ import annotations

import sys

from ._native import main as native_main


def main() -> None:
    """Does what the command line says, and ends the process with its exit code."""
    sys.exit(native_main(["octollm", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
