"""The one kind of error that the user can fix."""


class UserError(Exception):
    """Bad input, described in one sentence.

    The message names the file (and the line or utterance), what was found and what was expected.
    The commands print it without a traceback and exit with code 2.
    """
