"""The commands `lake model …`."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lake import layout, model_catalog, models, render
from lake.completion import MODEL
from lake.context import err, out
from lake.errors import LakeCommandError
from lake.files import show_lines
from model.columns import Known
from model.files import SUFFIX, files_of, name_of
from model.lineage import trace
from model.model import query_of
from store.curated import columns_of
from store.errors import ModelError
from store.near import near

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lake.context import Choice
    from lake.model_catalog import Catalog
    from lake.models import Files
    from lake.render import Terminal
    from lake.target import Target
    from model.columns import Finding
    from model.lineage import Made
    from store.models import Model

#: Characters of an expression that is shown.
_LONGEST = 40

#: What stands for the table of a column whose table nobody can tell.
_UNKNOWN = " of ?"


@click.group(cls=render.Group)
def model() -> None:
    """Check, show and trace the models of the curated zone."""
    # It warns of what it leaves alone.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)


def _catalog(choice: Choice) -> tuple[Catalog | None, str]:
    """Read the catalog; where there is none, and none was asked for, say why not."""
    try:
        return model_catalog.read(choice.target()), ""
    except LakeCommandError as error:
        if choice.local or choice.cloud or choice.profile or os.environ.get("AWS_ENDPOINT_URL"):
            raise
        return None, str(error)


def _say_offline(why: str, so: str) -> None:
    if why:
        err.print(f"{why}\n{so}", style="dim")


def _say(lines: Iterable[str], console: Terminal = out, style: str = "") -> None:
    show_lines(lines, first="", others="  ", console=console, style=style)


@model.command()
@click.argument("files", nargs=-1, type=MODEL)
@render.json_option
@click.pass_obj
def check(choice: Choice, files: tuple[str, ...], as_json: bool) -> None:
    """Say whether the models in FILES can be made and kept up to date.

    FILES may be names of models. Without any, those of models/, or of the folder that LAKE_MODELS
    names. Where a lake is deployed, what they read is looked up in its catalog.
    """
    folder = {name_of(path): path for path in files_of(models.folder())}
    paths = [folder.get(one, Path(one)) for one in files]
    asked = {name_of(path): path for path in paths} or folder
    if not asked:
        if as_json:
            render.show_json([])
        else:
            out.print("There is no model.")
        return
    for path in asked.values():
        if not path.is_file():
            lists = "`lake model check` checks all that there are."
            meant = near(name_of(path), folder, lists)
            raise LakeCommandError(f"There is neither a file nor a model {path}: {meant}")
        if path.suffix != SUFFIX:
            raise LakeCommandError(f"{path}: a model is a file <name>{SUFFIX}")
    found = models.read((folder | asked).values())
    catalog, why = _catalog(choice)
    _say_offline(why, "So tables and their columns were not looked up.")
    said = _judged(found, catalog)
    blamed = [found.blamed[name] for name in asked if name in found.blamed]
    shown = dict.fromkeys([*asked, *blamed])
    if as_json:
        render.show_json(
            [{"model": n, "sound": n not in found.wrong, "said": said[n]} for n in shown]
        )
    else:
        _say(line for name in shown for line in said[name])
    if any(name in found.wrong for name in asked):
        sys.exit(1)


def say_findings(target: Target, before: Mapping[str, str]) -> None:
    """Say what is to be mended of the models that were just deployed, and warn of new ones.

    Parameters
    ----------
    target : Target
        The lake.
    before : mapping of str to str
        Hashes of the texts that were deployed before, by the models' names: whoever deployed them
        was warned.
    """
    found = models.read(files_of(models.folder()))
    known = {one.name for one in found.models if before.get(one.name) == one.text_hash}
    for name, lines in _judged(found, model_catalog.read(target)).items():
        # The first line says what a sound model is.
        _say(lines if name in found.wrong else lines[1:] * (name not in known), err, "yellow")


def refused(files: Iterable[Path]) -> list[str]:
    """Say of the models that cannot be made what is to be mended, as their texts alone tell."""
    found = models.read(files)
    said = _judged(found, None)
    return [line for name in found.wrong for line in said[name]]


def _judged(found: Files, catalog: Catalog | None) -> dict[str, list[str]]:
    """Say of each model what is to be mended, or what it is; the former are noted as wrong."""
    said = {name: why.splitlines() for name, why in found.wrong.items()}
    known = _known(found, catalog)
    names = set(found.texts) | set(found.wrong)
    for one in found.models:
        text, file = found.texts[one.name], f"{one.name}{SUFFIX}"
        query = query_of(file, text)
        findings = known.wrong(text, query)
        whole = ""
        if catalog is not None:
            findings += catalog.findings(one, text, query, names)
            whole = catalog.why_not(one)
        known.add(one.name, query)
        said[one.name] = [f"{file}: {whole}"] if whole else []
        said[one.name] += [_line(file, f) for f in sorted(findings, key=_place)]
        if whole or any(f.grave for f in findings):
            found.wrong[one.name] = said[one.name][0]
        else:
            said[one.name].insert(0, f"{file}: {_what(one)}")
    return said


def _place(finding: Finding) -> tuple[int, int]:
    return finding.line, finding.column


def _line(file: str, finding: Finding) -> str:
    mark = "" if finding.grave else "warning: "
    return f"{file}:{finding.line}:{finding.column}: {mark}{finding.text}"


def _known(found: Files, catalog: Catalog | None) -> Known:
    """Give the columns of tables; models get theirs from their texts."""
    if catalog is None:
        return Known({})
    tables = {n: c for n, c in catalog.columns.items() if n not in found.texts}
    return Known(tables, catalog.database)


def _what(one: Model) -> str:
    lookups = sorted(one.header.lookups)
    parts = [
        one.header.refresh.value,
        f"of {', '.join(one.dated)}" if one.dated else "of no table",
        f"looks up {', '.join(lookups)}" if lookups else "",
        f"at most every {_minutes(one)}" if one.header.minutes else "",
    ]
    return ", ".join(filter(None, parts))


def _minutes(one: Model) -> str:
    count = one.header.minutes
    return f"{count} minute{'s'[: count != 1]}"


@model.command()
@click.argument("name", type=MODEL)
@render.json_option
@render.listing
@click.pass_obj
def show(choice: Choice, name: str, as_json: bool) -> None:
    """Show what the file of the model NAME says, and what columns its table has.

    It needs no lake. `lake models NAME` says how fresh the table is, and `lake describe NAME` what
    is in it.
    """
    found = models.read(files_of(models.folder()))
    one = found.named(name)
    catalog, why = _catalog(choice)
    _say_offline(why, "So types of columns are not known.")
    columns, about = _columns(one, found, catalog)
    if as_json:
        render.show_json(_plain(one, columns))
        return
    said = {
        "description": one.header.description,
        "refresh": one.header.refresh.value,
        "sources": ", ".join(one.dated) or "none",
        "looks up": ", ".join(sorted(one.header.lookups)),
        "at most every": _minutes(one) if one.header.minutes else "",
    }
    for key, value in said.items():
        if value:
            render.paragraph(out, f"{key:<14}", value)
    out.print()
    if columns:
        # What is not known of any column is left out.
        width = 3 if any(column[1] for column in columns) else 1
        heads = ["column", "type", ""][:width]
        rows = [column[:width] for column in columns]
        render.show_table(out, heads, rows, [False] * width)
    for line in about:
        out.print()
        _say([line])
    out.print()
    click.echo(layout.visible(one.sql, but="\n\t"))


def _columns(
    one: Model, found: Files, catalog: Catalog | None
) -> tuple[list[list[str]], list[str]]:
    """Give name, type and role of each column of a model's table, and what is to be said of it."""
    table = catalog.tables.get(one.name) if catalog else None
    if catalog and table and not catalog.why_not(one):
        keys = [(key["Name"], key["Type"]) for key in table.get("PartitionKeys") or []]
        rows = [[*column, ""] for column in columns_of(table)]
        return rows + [[*key, "partition"] for key in keys], []
    known = _known(found, catalog)
    for model_ in found.models:
        query = query_of(model_.name, model_.sql)
        if model_ is one:
            break
        known.add(model_.name, query)
    columns = known.names(query)
    about = []
    if columns is None:
        about.append("Its columns are not known before its table is made: it selects *.")
    if catalog:
        why = catalog.why_not(one)
        about.append(f"It has no table: {why}." if why else "Its table is not made yet.")
    return [[column, "", ""] for column in columns or ()], about


def _plain(one: Model, columns: list[list[str]]) -> dict[str, Any]:
    return {
        "model": one.name,
        "description": one.header.description,
        "refresh": one.header.refresh.value,
        "sources": list(one.dated),
        "lookups": sorted(one.header.lookups),
        "at_most_every_minutes": one.header.minutes or None,
        "columns": [
            {"name": name, "type": kind or None, "partition": role == "partition"}
            for name, kind, role in columns
        ],
        "sql": one.sql,
    }


@model.command()
@click.argument("name", type=MODEL)
@click.argument("column", required=False)
@render.json_option
@render.listing
@click.pass_obj
def lineage(choice: Choice, name: str, column: str | None, as_json: bool) -> None:
    """Show of which columns of datasets those of the model NAME are made.

    With COLUMN, of that column only. What decides which rows there are, such as WHERE and JOIN,
    is not counted.
    """
    found = models.read(files_of(models.folder()))
    found.named(name)
    catalog, why = _catalog(choice)
    traced = traced_of(found, catalog, name)
    if column is not None:
        if column.lower() not in traced:
            other = f"it has {', '.join(traced)}."
            raise LakeCommandError(
                f"Model {name} has no column {column}: {near(column.lower(), traced, other)}"
            )
        traced = {column.lower(): traced[column.lower()]}
    if as_json:
        render.show_json({one: [asdict(o) for o in made.origins] for one, made in traced.items()})
        return
    rows = [row for one, made in traced.items() for row in rows_of(one, made)]
    if any(row[1].endswith((".*", _UNKNOWN)) for row in rows):
        _say_offline(why, "So of * nobody knows which columns it stands for.")
    width = 3 if any(row[2] for row in rows) else 2
    heads = ["column", "made of", "through"][:width]
    render.show_table(out, heads, [row[:width] for row in rows], [False] * width)


def rows_of(column: str, made: Made) -> list[list[str]]:
    """Say in rows what a column is made of: its name, the columns, the models between."""
    if not made.origins:
        sql = made.sql if len(made.sql) <= _LONGEST else f"{made.sql[: _LONGEST - 1]}…"
        return [[column, f"no column: {sql}", ""]]
    return [
        [
            "" if number else column,
            f"{origin.table}.{origin.column}" if origin.table else f"{origin.column}{_UNKNOWN}",
            ", ".join(origin.through),
        ]
        for number, origin in enumerate(made.origins)
    ]


def traced_of(found: Files, catalog: Catalog | None, name: str) -> Mapping[str, Made]:
    """Say of each column of a model what it is made of.

    Raises
    ------
    LakeCommandError
        When nobody can tell.
    """
    known = _known(found, catalog)
    traced: dict[str, Mapping[str, Made]] = {}
    for one in found.models:
        query = query_of(one.name, one.sql)
        try:
            traced[one.name] = trace(query, known, traced)
        except ModelError as error:
            if one.name == name:
                what = "`lake up` starts one." if catalog is None else "see `lake model check`."
                raise LakeCommandError(f"{name}{SUFFIX}: {error.detail}: {what}") from error
        if one.name == name:
            break
        known.add(one.name, query)
    return traced[name]
