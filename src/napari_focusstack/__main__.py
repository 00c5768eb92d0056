"""``python -m napari_focusstack`` is the command ``napari-focusstack``."""

import sys

from napari_focusstack.commands.main import main

sys.exit(main())
