"""`python -m edgegen.cli`."""

from edgegen.cli import main

main()
