"""`python -m analytics`."""

from chassis.lifecycle import run_service

from analytics.main import main

run_service(main)
