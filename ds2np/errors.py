"""The one kind of failure that is the user's to mend, not the programmer's."""


class UserError(Exception):
    """Report bad input in one clear sentence.

    Its message names the file (and the line or utterance), what was found, and what would fit. The
    commands print the message alone, without a traceback, and exit with code 2.
    """
