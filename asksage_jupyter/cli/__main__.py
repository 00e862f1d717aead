"""``python -m asksage_jupyter.cli``, where the command is not on the PATH."""

import sys

from . import main

sys.exit(main())
