"""`python -m recording`."""

from chassis.lifecycle import run_service

from recording.main import main

run_service(main)
