"""`python -m ui` is `pincite`."""

from ui.cli.main import main

main()
