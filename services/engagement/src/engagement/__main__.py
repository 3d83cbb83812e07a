"""`python -m engagement`."""

from chassis.lifecycle import run_service

from engagement.main import main

run_service(main)
