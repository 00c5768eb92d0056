"""The exception for input that cannot be used."""


class InputError(ValueError):
    """An input that cannot be used, and that the user can correct.

    The message is one sentence: what is wrong, with the value, and what to do. The command prints
    it as one line and exits with code 2.
    """
