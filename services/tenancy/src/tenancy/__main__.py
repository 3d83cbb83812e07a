"""`python -m tenancy`, and its one command beside serving."""

import sys


def main() -> None:
    """Serves until stopped; with arguments, runs the command they name."""
    if sys.argv[1:]:
        from tenancy.command import main as command

        sys.exit(command(sys.argv[1:]))
    from chassis.lifecycle import run_service

    from tenancy.main import main as serve

    run_service(serve)


main()
