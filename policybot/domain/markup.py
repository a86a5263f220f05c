"""HTML in an event as people see it, whichever way their client reads it.

It is read as browsers read it, from left to right: what they take for text is text. Where clients
differ (what stands in `style`, a tag that never ends, words behind a picture) all that one of them
shows is given. Each step takes time in proportion to the length.
"""

import html
import re

_TAG = re.compile(
    # A tag with its attributes; a quotation mark means something only behind a name and «=».
    r"<(?P<close>/?)(?P<name>[a-z][^\s/>]*+)"
    r"(?P<attributes>(?:[\s/]++|[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'][^\s>]*+)?+)?+)*+)>"
    # A comment, and what is taken for one.
    r"|<!--(?:-?>|.*?--!?>)|<!(?!--)[^>]*+>|<\?[^>]*+>|</(?![a-z])[^>]*+>",
    re.IGNORECASE | re.DOTALL,
)
_BEGINS = re.compile(r"<[a-z/!?]", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^<>]*>")
_ATTRIBUTE = re.compile(
    r"(?<![^\s\"'/])([^\s\"'<>/=]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))"
)
_LONG_NUMBER = re.compile(r"&#[0-9]{8,};?")
"""Python refuses to read numbers that are too long, and no character has one."""
_BLOCKS = frozenset(
    {"p", "div", "br", "hr", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "tr", "td", "th"}
    | {"table", "blockquote", "pre", "details", "summary"}
)
_ADDRESSES = frozenset({"href", "src"})
_WORDS = frozenset({"alt", "title", "data-mx-spoiler", "data-mx-maths"})
"""Attributes that are shown: instead of a picture, beside it, before a spoiler, as a formula."""
_DROPPED = frozenset(
    ("script", "style", "textarea", "option", "noscript", "title", "template", "iframe", "mx-reply")
)
"""Elements that some clients leave out with all that is in them, and others do not."""
_QUOTE = "<mx-reply>", "</mx-reply>"
_SURROGATE = re.compile("[\ud800-\udfff]")


def plain(markup: str, *, reply: bool = False) -> tuple[str, tuple[str, ...]]:
    """Read HTML as people see it, with the addresses that stand in its tags.

    Args:
        markup: the HTML.
        reply: whether the event is an answer: then it may begin with a quotation, which is not read.
    """
    if reply:
        markup = _without_quote(markup)
    markup, reading = clean(markup), _Reading()
    at = 0
    while (begins := _BEGINS.search(markup, at)) is not None:
        tag = _TAG.match(markup, begins.start())
        if tag is None:
            break  # it never ends: some drop what follows, others show it
        reading.text(markup[at : tag.start()])
        if tag["name"] is not None:
            reading.tag(tag["name"].lower(), tag["attributes"], closes=bool(tag["close"]))
        at = tag.end()
    rest = markup[at:]
    reading.text(rest if at == 0 or begins is None else _ANY_TAG.sub("", rest))
    return reading.whole()


class _Reading:
    """What was read so far."""

    def __init__(self) -> None:
        self._all: list[str] = []
        self._shown: list[str] = []
        """Without what some clients leave out."""
        self._words: list[str] = []
        self._addresses: list[str] = []
        self._within: str | None = None
        self._differs = False

    def text(self, text: str) -> None:
        if not text:
            return
        self._all.append(text)
        if self._within is None:
            self._shown.append(text)
        else:
            self._differs = True

    def tag(self, name: str, attributes: str, *, closes: bool) -> None:
        if name in _BLOCKS:
            self.text("\n")
        elif name in _DROPPED and self._within in {None, name}:
            self._within = None if closes else name
        if "=" not in attributes:
            return
        for found in _ATTRIBUTE.finditer(attributes):
            key, value = found[1].lower(), found[2] or found[3] or found[4] or ""
            if key in _ADDRESSES:
                self._addresses.append(unescaped(value))
            elif key in _WORDS and value:
                self._words.append(value)

    def whole(self) -> tuple[str, tuple[str, ...]]:
        parts = ["".join(self._all), *self._words]
        if self._differs:
            parts.insert(1, "".join(self._shown))
        return unescaped("\n".join(parts)), tuple(self._addresses)


def _without_quote(markup: str) -> str:
    """Drop the quotation that an answer begins with, unless there is nothing else."""
    begin, end = _QUOTE
    if not markup.lstrip().startswith(begin):
        return markup
    rest = markup.partition(end)[2]
    return rest if _ANY_TAG.sub("", rest).strip() else markup


def unescaped(text: str) -> str:
    """Write the characters that are named in a text."""
    if "&" not in text:
        return text
    return clean(html.unescape(_LONG_NUMBER.sub("\ufffd", text)))


def clean(text: str) -> str:
    """Replace halves of characters, which no encoder takes."""
    if text.isascii():
        return text
    return _SURROGATE.sub("\ufffd", text)
