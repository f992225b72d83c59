#!/usr/bin/env python
"""The one entry point: every command runs through here."""

import os
import sys
from pathlib import Path


def main() -> None:
    # The project package is site/customerinfo. `site` itself can't be a package: the standard
    # library has a module of that name, and it wins.
    sys.path.insert(0, str(Path(__file__).resolve().parent / "site"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "customerinfo.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
