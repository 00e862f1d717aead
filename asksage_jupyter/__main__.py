"""``python -m asksage_jupyter``, where the command is not on the PATH."""

import sys

from .cli import main

sys.exit(main())
