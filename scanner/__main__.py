"""`python -m scanner` is the command `scanner`."""

from scanner.cli import main

main()
