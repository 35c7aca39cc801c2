"""Recordings that can be read, but in which a network will hardly recognise speech."""

CANCELLED = 0.1  # of the power that the average of unrelated channels keeps


def describe_cancelling(name, sound):
    """Return a warning that the channels of a `Sound` cancel each other out, or ""."""
    if sound.kept * sound.channels >= CANCELLED:
        return ""
    return (
        f"{name} has {sound.channels} channels that cancel each other out when averaged; "
        f"choose one of them"
    )


def describe_low_rate(subject, rate, expected):
    """Return a warning about a sampling rate below that of the network, both in hertz."""
    return (
        f"{subject} recorded at {rate:,} Hz, but the network expects {expected:,} Hz: "
        f"all sound above {rate / 2:,g} Hz is missing"
    )


def describe_suspect(name, sound, sample_rate):
    """Return warnings about a recording, one sentence for each kind; usually none.

    Parameters
    ----------
    name : str
        With which each sentence begins.
    sound : Sound
        From `read_sound`.
    sample_rate : int
        Of the network, in hertz.

    Returns
    -------
    dict of str to str
        Kinds, which complete "recordings ...", and sentences.
    """
    warnings = {}
    if sound.recorded_rate < sample_rate:
        warnings["below the sampling rate of the network"] = describe_low_rate(
            f"{name} was", sound.recorded_rate, sample_rate
        )
    if cancelling := describe_cancelling(name, sound):
        warnings["whose channels cancel each other out"] = cancelling
    elif sound.silent:
        warnings["of silence"] = f"{name} is silent from beginning to end"
    if sound.cut:
        warnings["that are cut off"] = f"{name} is cut off: {sound.cut}"
    return warnings
