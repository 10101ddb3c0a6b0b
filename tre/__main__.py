"""`python -m tre`: the command `tre`."""

from tre.cli import main

main()
