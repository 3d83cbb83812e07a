"""`python -m flows` runs the service."""

from flows.main import main

main()
