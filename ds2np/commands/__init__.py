"""The commands, one file each, with the functions `add_options` and `run`.

The first line of a module's docstring is its help text. Heavy imports are delayed until `run`.
"""

COMMANDS = (
    *("demo", "train", "adapt", "evaluate", "transcribe", "data", "lm", "tune"),
    *("align", "export", "serve", "learn", "bench", "gradcheck", "doctor"),
)
