"""Pages: a list in parts, each with the place where the next one goes on."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Select

from dqmstream.errors import StoreError
from dqmstream.store.answers import Page

__all__ = ["MAX_PAGE", "Cursor", "pages", "read_page"]

T = TypeVar("T")
Cursor = tuple[Any, ...]

MAX_PAGE: Final = 10_000
"""Most rows of one page."""


def pages(read: Callable[[Cursor | None], Page[T]]) -> Iterator[tuple[T, ...]]:
    """The items of each page of a list, given how to read the one after a cursor."""
    after = None
    while True:
        page = read(after)
        yield page.items
        after = page.after
        if after is None:
            return


def read_page(
    connection: Connection,
    query: Select[Any],
    limit: int,
    value: Callable[[Any], T],
    cursor: Callable[[Any], Cursor],
) -> Page[T]:
    """One page of a query.

    Parameters
    ----------
    value
        What a row says.
    cursor
        Its place in the order of the query.

    Raises
    ------
    StoreError
        If the page is larger than MAX_PAGE, or empty.
    """
    if not 1 <= limit <= MAX_PAGE:
        msg = f"a page of {limit} rows was asked for, expected 1 to {MAX_PAGE}"
        raise StoreError(msg)
    rows: Sequence[Any] = connection.execute(query.limit(limit + 1)).all()
    items = tuple(value(row) for row in rows[:limit])
    return Page(items=items, after=cursor(rows[limit - 1]) if len(rows) > limit else None)
