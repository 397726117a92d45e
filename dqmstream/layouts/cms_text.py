"""Descriptions of CMS's layouts, which are HTML, as plain text: links keep their addresses."""

import re
from html.parser import HTMLParser
from typing import Final

__all__ = ["plain_text"]

_LONGEST: Final = 4_000
_BREAKS: Final = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3"})
_UNSHOWN: Final = frozenset({"script", "style"})


def plain_text(html: str) -> str:
    """The text of a description; `<a href=X>here</a>` becomes `here (X)`."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = "".join(reader.parts)
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.split("\n"))
    plain = "\n".join(line for line in lines if line)
    printable = "".join(one for one in plain if one.isprintable() or one == "\n")
    if printable.lower() == "none":
        return ""
    return printable if len(printable) <= _LONGEST else f"{printable[: _LONGEST - 3]}..."


class _Reader(HTMLParser):
    """Collects text, and addresses of links behind theirs."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._link: tuple[str, int] | None = None
        self._unshown = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BREAKS:
            self.parts.append("\n")
        if tag in _UNSHOWN:
            self._unshown += 1
        if tag == "a":
            self._end_link()
            address = dict(attrs).get("href") or ""
            self._link = (address.strip(), len(self.parts)) if address else None

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        if tag in _UNSHOWN:
            self._unshown = max(0, self._unshown - 1)

    def handle_data(self, data: str) -> None:
        if not self._unshown:
            # Breaks of lines mean nothing in HTML.
            self.parts.append(re.sub(r"\s+", " ", data))

    def close(self) -> None:
        super().close()
        self._end_link()

    def _end_link(self) -> None:
        if self._link is None:
            return
        address, start = self._link
        self._link = None
        text = "".join(self.parts[start:]).strip()
        del self.parts[start:]
        self.parts.append(address if text in {"", address} else f"{text} ({address})")
