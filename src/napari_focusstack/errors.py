"""The one exception that a wrong input raises."""


class InputError(ValueError):
    """An input the user can mend.

    The message is one sentence that says what was wrong, with the value, and what to do; the
    command prints it as one line and exits with code 2.
    """
