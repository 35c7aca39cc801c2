"""What the page tells of the network: what it has heard, and how far it looks ahead."""

import json
import math

NOTHING = {"words": 0, "vocabulary": [], "sentences": []}


def describe(config, heard, keyed, teaches=False):
    """Describe a network to the page.

    Parameters
    ----------
    config : DeepSpeech2Config
    heard : dict
        What its training transcripts say; see `read_heard`.
    keyed : bool
        Whether clients need a key.
    teaches : bool
        Whether the page can teach it a voice.
    """
    latency = sum(config.lookahead_ms.values())
    return {
        "streams": not config.bidirectional and config.normalisation != "utterance",
        "latency": latency if latency < math.inf else None,
        "frame_ms": config.frame_ms,
        "key": keyed,
        "teach": teaches,
        **heard,
    }


def read_heard(file):
    """Read from the configuration of a run what its training transcripts say, if it is known."""
    try:
        return NOTHING | json.loads(file.read_text(encoding="utf-8"))["train_vocabulary"]
    except (OSError, ValueError, KeyError, TypeError):
        return NOTHING
