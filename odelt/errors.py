"""The one exception a user is meant to see: its text is a single line that names the thing and the remedy."""

from odelt.quoting import printable


class OdeltError(Exception):
    """Bad input, a missing file, a damaged download. The command line prints it on one line and exits with status 2.

    Names from outside may stand in the text: control characters are escaped here. Quote a name that may be long with
    `odelt.quoting.quoted`, so that the remedy is not cut off.
    """

    def __init__(self, message: object = ""):
        super().__init__(printable(message))
