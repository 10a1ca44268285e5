"""`python -m lemur2`."""

from lemur2.cli import main

main()
