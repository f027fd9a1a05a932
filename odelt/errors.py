"""The one exception a user is meant to see: its text is a single line that names the thing and the remedy."""


class OdeltError(Exception):
    """Bad input, a missing file, a damaged download. The command line prints it on one line and exits with status 2."""
