"""`python -m bench.indexing FOLDER`: index an app in the worker library, say how many functions of each kind it has, and end."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from localazure.host.worker import Worker


def main(folder: Path) -> None:
    """Index the app in a folder."""
    worker = Worker(folder)
    triggers = [
        str(binding["type"]).lower()
        for function in worker.start()
        for binding in function.bindings
        if str(binding["type"]).lower().endswith("trigger")
    ]
    print(json.dumps(Counter(triggers)))
    worker.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
