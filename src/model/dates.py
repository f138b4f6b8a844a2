"""Prove of a query that each of its rows is made of rows of one date only.

Only then the dates that changed in the sources are the dates to make anew. What cannot be proved is
refused, with where it stands and what to write instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from store.naming import PARTITION_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: Of a column of a source: the source's alias, and the column's name.
_Place = tuple[str, str]

#: What another moment gives another value of.
_CHANGING = (
    exp.CurrentDate,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.Localtime,
    exp.Localtimestamp,
    exp.Rand,
    exp.Shuffle,
    exp.Uuid,
)


class UnprovenError(Exception):
    """When a row may be made of rows of several dates.

    Attributes
    ----------
    node : Expression
        Where.
    """

    def __init__(self, node: exp.Expr, why: str) -> None:
        super().__init__(why)
        self.node = node


@dataclass(frozen=True, slots=True)
class Dated:
    """What a query or a table gives.

    Attributes
    ----------
    columns : frozenset of str
        Those that hold the date of all rows that a row is made of.
    names : tuple of str or None
        All its columns in order; None where only the catalog knows them.
    ends : tuple of str
        Its last columns in order, as far as they are known.
    """

    columns: frozenset[str]
    names: tuple[str, ...] | None = None
    ends: tuple[str, ...] = ()


#: The key of its partitions is the last column of a table.
_TABLE = Dated(frozenset({PARTITION_KEY}), ends=(PARTITION_KEY,))


def prove(query: exp.Expr, lookups: frozenset[str]) -> None:
    """Prove that a query's ``date_partition`` is the date of all rows that a row is made of.

    Parameters
    ----------
    query : Expression
        Parsed.
    lookups : frozenset of str
        Tables whose rows count as having no date.

    Raises
    ------
    UnprovenError
        When it cannot be proved.
    """
    found = _query(query, lookups, {})
    if found is None:
        raise UnprovenError(query, "no source has dates: write `-- refresh: whole`")
    if PARTITION_KEY not in found.columns:
        raise UnprovenError(
            query,
            f"it has no column {PARTITION_KEY} that is the one of its sources: select it, or write "
            "`-- refresh: whole`",
        )


def _query(
    query: exp.Expr, lookups: frozenset[str], outer: Mapping[str, Dated | None]
) -> Dated | None:
    """Give what a query is; None where none of its sources has dates."""
    known = dict(outer)
    if with_ := query.args.get("with_"):
        if with_.args.get("recursive"):
            raise UnprovenError(with_, "of WITH RECURSIVE no date can be proved")
        for cte in with_.expressions:
            known[cte.alias.lower()] = _named(cte, _query(cte.this, lookups, known))
    for key in ("limit", "offset", "fetch"):
        if found := query.args.get(key):
            raise UnprovenError(
                found,
                f"{key.upper()} takes rows of some dates for those of all: leave it out, or write "
                "`-- refresh: whole`",
            )
    if isinstance(query, exp.Subquery):
        return _query(query.this, lookups, known)
    if isinstance(query, exp.SetOperation):
        return _both(query, lookups, known)
    if isinstance(query, exp.Select):
        return _Select(query, lookups, known).dated()
    raise UnprovenError(query, "only SELECT and what is made of it can be refreshed by date")


def _named(cte: exp.Expr, found: Dated | None) -> Dated | None:
    """Give a query's columns the names that an alias lists."""
    alias = cte.args.get("alias")
    columns = [column.name.lower() for column in alias.columns] if alias else []
    if not columns or found is None:
        return found
    if found.names is None:
        raise UnprovenError(cte, "with `*` inside, its columns cannot be given other names")
    renamed = dict(zip(found.names, columns, strict=False))
    names = tuple(columns)
    return Dated(frozenset(renamed[c] for c in found.columns if c in renamed), names, names)


def _both(
    query: exp.SetOperation, lookups: frozenset[str], known: Mapping[str, Dated | None]
) -> Dated | None:
    left, right = (_query(side, lookups, known) for side in (query.left, query.right))
    if left is None and right is None:
        return None
    if left is None or right is None:
        raise UnprovenError(query, "one side of it has dates and the other has none")
    # Columns meet by their places, whatever their names are.
    if left.names is None or right.names is None:
        pairs = zip(reversed(left.ends), reversed(right.ends), strict=False)
    else:
        pairs = zip(left.names, right.names, strict=False)
    same = {a for a, b in pairs if a in left.columns and b in right.columns}
    return Dated(frozenset(same), left.names, left.ends)


class _Select:
    """One SELECT."""

    def __init__(
        self, select: exp.Select, lookups: frozenset[str], known: Mapping[str, Dated | None]
    ) -> None:
        self.select, self.lookups, self.known = select, lookups, known
        self.sources: dict[str, Dated | None] = {}
        #: Sources whose columns may be null, since no row of theirs was found.
        self.missing: set[str] = set()
        self.same: dict[_Place, _Place] = {}

    def dated(self) -> Dated | None:
        self._check_inner_queries()
        self._read_sources()
        if not any(self.sources.values()):
            return None
        self._check_joined()
        self._check_changing()
        self._check_groups()
        self._check_windows()
        return self._columns()

    # --- Sources ------------------------------------------------------------------------

    def _read_sources(self) -> None:
        start = self.select.args.get("from_")
        if start is None:
            return
        if match := self.select.args.get("match"):
            raise UnprovenError(match, "of rows that MATCH_RECOGNIZE finds no date can be proved")
        self._check_inner_of_source(start.this)
        self._add(start.this)
        for join in self.select.args.get("joins") or []:
            before = set(self.sources)
            alias = self._add(join.this)
            side = (join.args.get("side") or "").upper()
            self._check_inner_of_source(join.this)
            if join.args.get("method"):
                raise UnprovenError(join, f"{join.args['method']} JOIN does not say what is equal")
            if side == "LEFT":
                self.missing.add(alias)
            elif side == "RIGHT":
                self.missing |= before
            elif side:
                raise UnprovenError(join, f"{side} JOIN has rows without a date of either side")
            for column in join.args.get("using") or []:
                for other in before:
                    self._equal((other, column.name.lower()), (alias, column.name.lower()))
            if side == "LEFT":
                self._read_left(join.args.get("on"), alias)
            else:
                self._read_equal(join.args.get("on"))
        where = self.select.args.get("where")
        self._read_equal(where.this if where else None)

    def _check_inner_of_source(self, source: exp.Expr) -> None:
        """Refuse dated tables in queries that a source is computed of, such as in UNNEST."""
        if not isinstance(source, (exp.Table, exp.Subquery)):
            self._check_inner([source])

    def _read_left(self, condition: exp.Expr | None, alias: str) -> None:
        """Take from the condition of a LEFT JOIN what holds wherever a row of it was found.

        Nothing holds of the rows before it, which stay whether one was found or not. So each of its
        columns becomes equal to one of theirs only, to a date where there is one.
        """
        dates = {*self._dates()}
        pairs = sorted(self._equal_in(condition), key=lambda pair: not dates.issuperset(pair))
        for pair in pairs:
            own, others = ([p for p in pair if (p[0] == alias) is mine] for mine in (True, False))
            if own and others and own[0] not in self.same:
                self._equal(own[0], others[0])

    def _add(self, source: exp.Expr) -> str:
        alias = (source.alias_or_name or f"#{len(self.sources)}").lower()
        if source.args.get("sample"):
            raise UnprovenError(source, "TABLESAMPLE takes other rows each time")
        found: Dated | None = None
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            name = source.name.lower()
            if name in self.known and not source.db:
                found = self.known[name]
            elif name not in self.lookups:
                found = _TABLE
            found = _named(source, found)
        elif isinstance(source, exp.Subquery):
            found = _named(source, _query(source.this, self.lookups, self.known))
        elif not isinstance(source, (exp.Unnest, exp.Lateral, exp.Values)):
            raise UnprovenError(source, "of this source no date can be proved")
        self.sources[alias] = found
        return alias

    def _read_equal(self, condition: exp.Expr | None) -> None:
        """Take what holds of every row from a condition: columns that are equal."""
        for one, other in self._equal_in(condition):
            self._equal(one, other)

    def _equal_in(self, condition: exp.Expr | None) -> Iterator[tuple[_Place, _Place]]:
        if isinstance(condition, exp.Paren):
            yield from self._equal_in(condition.this)
        elif isinstance(condition, exp.And):
            yield from self._equal_in(condition.left)
            yield from self._equal_in(condition.right)
        elif isinstance(condition, exp.EQ):
            one, other = (self._place(side) for side in (condition.left, condition.right))
            if one and other:
                yield one, other

    def _equal(self, one: _Place, other: _Place) -> None:
        self.same[self._first(one)] = self._first(other)

    def _first(self, place: _Place) -> _Place:
        while place in self.same and self.same[place] != place:
            place = self.same[place]
        return place

    def _place(self, node: exp.Expr) -> _Place | None:
        """Say which source's column a node is; None for all else."""
        if not isinstance(node, exp.Column):
            return None
        name = node.name.lower()
        if node.table:
            return node.table.lower(), name
        named = [a for a, found in self.sources.items() if found and name in found.columns]
        if len(named) == 1 and len(self.sources) == 1:
            return named[0], name
        if named:
            raise UnprovenError(node, f"{node.name} of which source? Write {named[0]}.{node.name}")
        return None

    def _dates(self) -> Iterator[_Place]:
        for alias, found in self.sources.items():
            for column in found.columns if found else ():
                yield alias, column

    def _check_joined(self) -> None:
        roots = {alias: set[_Place]() for alias, found in self.sources.items() if found}
        for place in self._dates():
            roots[place[0]].add(self._first(place))
        first, *others = roots.items()
        if not first[1]:
            raise UnprovenError(self.select, f"{first[0]} does not select {PARTITION_KEY}")
        for alias, found in others:
            if not found & first[1]:
                raise UnprovenError(
                    self.select,
                    f"{first[0]} and {alias} are not joined by their dates: add "
                    f"{first[0]}.{PARTITION_KEY} = {alias}.{PARTITION_KEY}, or name one of them in "
                    "`-- lookup:`, if its changes touch no dates",
                )
        self.root = first[1]

    def _carries(self, node: exp.Expr) -> bool:
        """Tell whether a node is the date of all rows that a row is made of."""
        place = self._place(node)
        if place is None or place[0] in self.missing:
            return False
        return any(self._first(place) == root for root in self.root) and place in {*self._dates()}

    # --- What is made of them -----------------------------------------------------------

    def _own(self, *kinds: type[exp.Expr]) -> Iterator[exp.Expr]:
        """Give the nodes of this SELECT that are in none of its sources and inner queries."""
        pruned = (exp.Subquery, exp.Query, exp.With)

        def stop(node: exp.Expr) -> bool:
            return node is not self.select and isinstance(node, pruned)

        for node in self.select.walk(prune=stop):
            if isinstance(node, kinds) and not stop(node):
                yield node

    def _check_inner_queries(self) -> None:
        """Refuse dated tables in subqueries that are no source, such as ``IN (SELECT …)``."""
        args = self.select.args
        parts = [
            *self.select.expressions,
            *(join.args.get("on") for join in args.get("joins") or []),
            *(args.get(key) for key in ("where", "having", "qualify", "group")),
        ]
        self._check_inner(filter(None, parts))

    def _check_inner(self, parts: Iterable[exp.Expr]) -> None:
        for part in parts:
            for inner in part.find_all(exp.Query):
                if isinstance(inner, exp.Subquery):
                    continue
                for table in inner.find_all(exp.Table):
                    name = table.name.lower()
                    if self.known.get(name, name not in self.lookups):
                        raise UnprovenError(
                            inner,
                            f"{table.name} is read for all dates at once: join it by "
                            f"{PARTITION_KEY}, or name it in `-- lookup:`",
                        )

    def _check_changing(self) -> None:
        for node in self._own(*_CHANGING):
            raise UnprovenError(
                node,
                f"{node.sql('athena')} gives another value each time: leave it out, or write "
                "`-- refresh: whole`",
            )

    def _check_groups(self) -> None:
        group = self.select.args.get("group")
        if group is None:
            aggregates = [n for n in self._own(exp.AggFunc) if not n.find_ancestor(exp.Window)]
            if aggregates:
                raise UnprovenError(
                    aggregates[0], f"it sums up all dates: add GROUP BY {PARTITION_KEY}"
                )
            return
        if group.find(exp.Cube, exp.GroupingSets, exp.Rollup):
            raise UnprovenError(group, "ROLLUP, CUBE and GROUPING SETS sum up several dates")
        if not any(self._carries(self._meant(one)) for one in group.expressions):
            raise UnprovenError(group, f"it sums up several dates: add {PARTITION_KEY} to GROUP BY")

    def _meant(self, node: exp.Expr) -> exp.Expr:
        """Give what an ordinal of GROUP BY stands for."""
        if isinstance(node, exp.Literal) and node.is_int:
            place = int(node.name) - 1
            if 0 <= place < len(self.select.expressions):
                meant: exp.Expr = self.select.expressions[place].unalias()
                return meant
        return node

    def _check_windows(self) -> None:
        for window in self._own(exp.Window):
            if not any(map(self._carries, window.args.get("partition_by") or [])):
                raise UnprovenError(
                    window, f"it looks at several dates: add PARTITION BY {PARTITION_KEY}"
                )

    def _columns(self) -> Dated:
        names: list[str] | None = []
        ends: list[str] = []
        carrying = set[str]()
        for one in self.select.expressions:
            if one.is_star:
                names = None
                table = one.table.lower() if isinstance(one, exp.Column) else ""
                meant = [found for a, found in self.sources.items() if table in ("", a)]
                last = meant[-1] if meant and not one.args.get("except_") else None
                ends = [*last.ends] if last else []
                for alias, column in self._dates():
                    node = exp.column(column, alias)
                    if table in ("", alias) and self._carries(node):
                        carrying.add(column)
                continue
            name = one.alias_or_name.lower()
            ends.append(name)
            if names is not None:
                names.append(name)
            if self._carries(one.unalias()):
                carrying.add(name)
        known = None if names is None else tuple(names)
        return Dated(frozenset(carrying), known, tuple(ends))
