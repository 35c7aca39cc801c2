"""The commands, one file each: its options in `add_options`, what it does in `run`.

The first line of a file's docstring is its help. Nothing heavy is imported before `run`.
"""

COMMANDS = (
    *("demo", "train", "evaluate", "transcribe", "data"),
    *("learn", "bench", "gradcheck", "doctor"),
)
