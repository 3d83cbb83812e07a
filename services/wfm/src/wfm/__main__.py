"""`python -m wfm`."""

from chassis.lifecycle import run_service

from wfm.main import main

run_service(main)
