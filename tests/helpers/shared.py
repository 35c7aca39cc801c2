"""Data beside the repository, in ../shared; DS2NP_SHARED names another place."""

import json
import os
from pathlib import Path

SHARED = Path(os.environ.get("DS2NP_SHARED", Path(__file__).parents[3] / "shared"))
DECODING = SHARED / "prototypes" / "decoding" / "cases.json"


def decoding_cases():
    """Read cases of other decoders and language models; without the file, there are none."""
    if not DECODING.exists():
        return {"cases": [], "matrices": {}}
    return json.loads(DECODING.read_text(encoding="utf-8"))
