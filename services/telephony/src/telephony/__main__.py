"""`python -m telephony`"""

from telephony.main import main

main()
