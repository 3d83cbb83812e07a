"""`python -m tenancy`."""

from chassis.lifecycle import run_service

from tenancy.main import main

run_service(main)
