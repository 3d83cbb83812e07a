"""`python -m billing`."""

from chassis.lifecycle import run_service

from billing.main import main

run_service(main)
