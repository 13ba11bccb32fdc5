"""Print the page of settings: `python -m perennial.settings > docs/settings.md`."""

import sys

from perennial.settings.page import page

sys.stdout.write(page())
