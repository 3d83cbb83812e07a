"""`python -m billing`, and its commands beside serving."""

import sys


def main() -> None:
    """Serves until stopped; with arguments, runs the command they name."""
    if sys.argv[1:]:
        from billing.command import main as command

        sys.exit(command(sys.argv[1:]))
    from chassis.lifecycle import run_service

    from billing.main import main as serve

    run_service(serve)


main()
