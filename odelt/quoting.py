"""How text from outside is shown: names in files, messages of libraries. Printable, on one line, short."""

LONGEST_NAME = 120  # characters of a name
LONGEST_REASON = 300  # of a library's message
LONGEST_MESSAGE = 900  # of a message of ours


def printable(text: object, longest: int = LONGEST_MESSAGE) -> str:
    """The text with every control character as an escape (`\\n`, `\\x1b`), and its middle left out where it is long.

    Line breaks, terminal sequences, marks that turn the direction of writing and undecodable bytes all become visible.
    """
    text = _shortened(str(text), longest)
    # An escape is longer than its character.
    return _shortened(
        "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text), longest
    )


def one_line(reason: object, longest: int = LONGEST_REASON) -> str:
    """A library's message: `printable`, and its white space folded."""
    return printable(" ".join(str(reason)[: 10 * longest].split()), longest)


def quoted(name: object, longest: int = LONGEST_NAME) -> str:
    """A name in quotation marks: `printable`."""
    return f"'{printable(name, longest)}'"


def _shortened(text: str, longest: int) -> str:
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"
