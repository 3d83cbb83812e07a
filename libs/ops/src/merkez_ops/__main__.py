"""`python -m merkez_ops`"""

from merkez_ops.cli import main

main()
