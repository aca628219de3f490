"""The error for what a user gave and can mend."""


class UsageError(Exception):
    """Something given that cannot be: the text says what happened, what was given and what to do next."""
