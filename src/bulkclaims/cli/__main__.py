"""`python -m bulkclaims.cli` is `bulkclaims`."""

from bulkclaims.cli import main

main()
