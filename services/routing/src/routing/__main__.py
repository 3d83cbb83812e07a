"""`python -m routing`."""

from routing.main import main

main()
