"""Rows in Azure Table Storage.

The pipeline repeats an insert or a replacement after 500 or 503 by itself, so an answer "is there already" or "changed meanwhile" may come from
our own first try. Each write therefore carries a mark that no other write has; a row with our mark is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError
from azure.data.tables import TableClient, TableEntity, UpdateMode

from perennial.adapters.codec import Entity, from_entity, to_entity
from perennial.errors import BadInput, Changed, Unavailable
from perennial.ports.tables import Keys, Page, Query, Stored, TableSpec

MARK = "written_as"  # a column of every row that no row type has


class AzureTable[T]:
    """A table of the account; made when the service first says that there is none."""

    def __init__(self, spec: TableSpec[T], open_client: Callable[[str], TableClient], mark: Callable[[], str]) -> None:
        """Take how to open a client by the table's name, and what gives a mark never given before."""
        self._spec = spec
        self._open = open_client
        self._mark = mark
        self._opened: TableClient | None = None

    def get(self, partition: str, key: str) -> Stored[T] | None:
        """Return a row, or None."""
        entity = self._entity(partition, key)
        return None if entity is None else self._stored(entity)

    def select(self, query: Query, more: str | None = None) -> Page[T]:
        """Return the next page of the rows that match: one call."""
        if not 1 <= query.limit <= 1000:
            raise BadInput("limit", "a page has 1 to 1,000 rows")
        return Page(*self._page(query, more, self._stored))

    def keys(self, partition: str, more: str | None = None) -> Keys:
        """Return the next page of a partition's row keys: one call."""
        return Keys(*self._page(Query(partition=partition), more, lambda entity: str(entity["RowKey"]), ["RowKey"]))

    def insert(self, row: T) -> Stored[T] | None:
        """Insert a row if absent."""
        entity = self._marked(row)
        answers: list[object] = []
        try:
            written = self._ask(lambda client: client.create_entity(entity, raw_response_hook=answers.append))
        except _Answer as answer:
            if answer.code != "EntityAlreadyExists":
                raise answer.as_ours(self._spec.name) from answer
            # Without a first answer there was no second try, and the row is another's.
            etag = self._etag_if_ours(entity) if len(answers) > 1 else None
            return Stored(row, etag) if etag else None
        return Stored(row, written["etag"] or "")

    def save(self, row: Stored[T]) -> Stored[T]:
        """Replace the row that was read with this ETag."""
        entity = self._marked(row.value)
        try:
            written = self._ask(
                lambda client: client.update_entity(
                    entity, mode=UpdateMode.REPLACE, etag=row.etag, match_condition=MatchConditions.IfNotModified
                )
            )
        except _Answer as answer:
            if answer.status not in (404, 412):
                raise answer.as_ours(self._spec.name) from answer
            etag = self._etag_if_ours(entity) if answer.status == 412 else None
            if not etag:
                raise Changed(f"{self._spec.name} {entity['PartitionKey']} {entity['RowKey']}") from answer
            return Stored(row.value, etag)
        return Stored(row.value, written["etag"] or "")

    def put(self, row: T) -> None:
        """Write a row whatever is there."""
        entity = self._marked(row)
        self._ask_plainly(lambda client: client.upsert_entity(entity, mode=UpdateMode.REPLACE))

    def delete(self, partition: str, key: str) -> None:
        """Delete a row; the SDK passes over one that is not there."""
        self._ask_plainly(lambda client: client.delete_entity(partition, key))

    def _page[R](
        self, query: Query, more: str | None, read: Callable[[TableEntity], R], select: list[str] | None = None
    ) -> tuple[tuple[R, ...], str | None]:
        text, parameters = filter_of(query)
        place = _place(more)

        def ask(client: TableClient) -> tuple[tuple[R, ...], str | None]:
            found: Any = client.query_entities(text, parameters=parameters, results_per_page=query.limit, select=select)
            pages = found.by_page(continuation_token=place)  # a mapping, though ItemPaged says text
            items = tuple(read(entity) for entity in next(pages, ()))
            following = pages.continuation_token
            return items, msgspec.json.encode(following).decode() if following else None

        return self._ask_plainly(ask)

    def _entity(self, partition: str, key: str) -> TableEntity | None:
        try:
            return self._ask(lambda client: client.get_entity(partition, key))
        except _Answer as answer:
            if answer.status == 404:
                return None
            raise answer.as_ours(self._spec.name) from answer

    def _stored(self, entity: TableEntity) -> Stored[T]:
        return Stored(from_entity(entity, self._spec.row), entity.metadata["etag"] or "")

    def _marked(self, row: T) -> Entity:
        return {**to_entity(row, self._spec.key(row)), MARK: self._mark()}

    def _etag_if_ours(self, entity: Entity) -> str | None:
        there = self._entity(entity["PartitionKey"], entity["RowKey"])
        return there.metadata["etag"] if there is not None and there.get(MARK) == entity[MARK] else None

    def _ask_plainly[R](self, ask: Callable[[TableClient], R]) -> R:
        try:
            return self._ask(ask)
        except _Answer as answer:
            raise answer.as_ours(self._spec.name) from answer

    def _ask[R](self, ask: Callable[[TableClient], R]) -> R:
        """Call the service; where it says that there is no such table, make it and call once more."""
        client = self._opened = self._opened or self._open(self._spec.name)
        try:
            return _translated(lambda: ask(client))
        except _Answer as answer:
            if answer.code != "TableNotFound":
                raise
        try:
            _translated(client.create_table)
        except _Answer as answer:
            if answer.code != "TableAlreadyExists":
                raise answer.as_ours(self._spec.name) from answer
        return _translated(lambda: ask(client))


class _Answer(Exception):
    """An error that the service answered with; does not leave this module."""

    def __init__(self, error: HttpResponseError) -> None:
        super().__init__(str(error))
        self.status = error.status_code or 0
        self.code = str(getattr(getattr(error, "error_code", None), "value", None) or _code_in(error))

    def as_ours(self, table: str) -> Unavailable:
        return Unavailable(f"table {table}: {self.status} {self.code}")


def _code_in(error: HttpResponseError) -> str:
    """Read the code from the body of an answer that the SDK did not read."""
    try:
        body = msgspec.json.decode(error.response.text() if error.response is not None else "{}")
        return str(body["odata.error"]["code"])
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError, AzureError):
        return ""


def _translated[R](call: Callable[[], R]) -> R:
    try:
        return call()
    except HttpResponseError as error:
        raise _Answer(error) from error
    except AzureError as error:
        raise Unavailable(f"tables: {type(error).__name__}: {error}") from error


def _place(more: str | None) -> dict[str, str | None] | None:
    if more is None:
        return None
    try:
        return msgspec.json.decode(more, type=dict[str, str | None])
    except msgspec.MsgspecError as error:
        raise BadInput("more", "is not a place that a page gave") from error


def filter_of(query: Query) -> tuple[str, dict[str, Any]]:
    """Return a query as the service's filter, with its parameters beside it, so that the SDK quotes them."""
    conditions: list[str] = []
    parameters: dict[str, Any] = {}

    def add(condition: str, name: str, value: object) -> None:
        conditions.append(condition)
        parameters[name] = value

    if query.partition:
        add("PartitionKey eq @partition", "partition", query.partition)
    if query.prefix:
        add("RowKey ge @prefix", "prefix", query.prefix)
        add("RowKey lt @beyond", "beyond", query.prefix[:-1] + chr(ord(query.prefix[-1]) + 1))
    if query.after:
        add("RowKey gt @after", "after", query.after)
    if query.until:
        add("RowKey le @until", "until", query.until)
    if query.beyond:
        # The first condition lets the service start there; an `or` alone would make it read the whole table.
        # The SDK finds its parameters between blanks, hence the one before the bracket.
        add("PartitionKey ge @from_partition", "from_partition", query.beyond[0])
        add("(PartitionKey gt @from_partition or RowKey gt @from_key )", "from_key", query.beyond[1])
    for number, (column, wanted) in enumerate(query.equal.items()):
        value = wanted if isinstance(wanted, bool) else str(wanted)
        add(f"{column} eq @equal{number}", f"equal{number}", value)
    if query.due:
        add(f"{query.due[0]} le @due", "due", query.due[1])
    return " and ".join(conditions), parameters
