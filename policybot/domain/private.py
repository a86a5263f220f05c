"""Personal data and secrets, in a type that refuses to be printed."""

from typing import NoReturn


class Private:
    """A text that is nobody's business: it shows itself only where it is asked by name.

    Formatting, logging and tracebacks see `(private)`; pickling is refused.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Hold a text."""
        self._text = text

    def reveal(self) -> str:
        """Give the text; every call of this is a place to review."""
        return self._text

    def __eq__(self, other: object) -> bool:
        """Compare with another private text."""
        return isinstance(other, Private) and self._text == other._text

    def __hash__(self) -> int:
        """Hash the text, as sets within one process need it."""
        return hash(self._text)

    def __bool__(self) -> bool:
        """Say whether there is any text."""
        return bool(self._text)

    def __repr__(self) -> str:
        """Show nothing."""
        return "(private)"

    def __format__(self, _: str) -> str:
        """Show nothing, whatever the format."""
        return "(private)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be written anywhere."""
        message = "private data is not for pickling"
        raise TypeError(message)
