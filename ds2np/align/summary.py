"""What became of recordings and texts, in lines for the terminal."""


def describe_alignment(alignment):
    """Describe an alignment in a line."""
    words = [word for word in alignment.words if word.spoken]
    read = sum(word.read for word in words)
    parts = [
        f"{alignment.recording}: {alignment.duration / 60:.1f} minutes",
        f"{read:,} of {len(words):,} words read",
    ]
    if alignment.unread:
        parts.append(f"{_count(len(alignment.unread), 'passage')} not read")
    if alignment.foreign:
        seconds = sum(end - start for start, end in alignment.foreign)
        parts.append(
            f"{_count(len(alignment.foreign), 'sound')} without text ({_minutes(seconds)})"
        )
    return ", ".join(parts)


def describe_items(items, manifest, left_out):
    """Yield lines about the utterances of a manifest, and about what was left out."""
    kept = [item for item in items if not item.cut.reason]
    seconds = sum(item.seconds for item in kept)
    yield f"{manifest}: {_count(len(kept), 'utterance')}, {_minutes(seconds)}"
    if len(kept) < len(items):
        yield f"{left_out}:"
    for reason in dict.fromkeys(item.cut.reason for item in items if item.cut.reason):
        of_reason = [item for item in items if item.cut.reason == reason]
        words = sum(item.cut.last - item.cut.first for item in of_reason)
        seconds = sum(item.seconds for item in of_reason)
        amounts = [_minutes(seconds)] if seconds else []
        amounts += [_count(words, "word")] if words else []
        yield f"  {reason}: {len(of_reason):,} ({', '.join(amounts)})"


def _count(number, name):
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _minutes(seconds):
    return f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.1f} s"
