"""``learned_conditions/``: what a version learned, as files."""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.explain.attribution import Attributed, Line
from audit_lib.explain.conditions import Learned
from audit_lib.explain.importance import Estimate
from audit_lib.explain.records import Factor, Head, Inputs, Pair, RuleRecord, Rules, TopFactor
from audit_lib.explain.rows import Rows
from audit_lib.explain.words import sentence
from audit_lib.subject.subject import Subject

FOLDER = "learned_conditions"
#: factors of each head that the summary names
TOP = 40
_CELL = re.compile(r"\s*[=+\-@|\t\r\n＝＋－＠]")


def inputs_record(
    subject: Subject,
    sample: Rows,
    heads: Sequence[str],
    together: Sequence[tuple[str, ...]],
    seed: int,
) -> Inputs:
    """What was explained, factor by factor."""
    days = None if sample.dates is None else pd.DatetimeIndex(sample.dates)
    units = subject.parameters.explain.units
    return Inputs(
        subject=subject.name,
        version=subject.version,
        source=sample.source,
        rows=len(sample),
        of=sample.of,
        seed=seed,
        first=None if days is None else str(days.min().isoformat()),
        last=None if days is None else str(days.max().isoformat()),
        sha256=digest(sample.table),
        heads=tuple(heads),
        factors=tuple(_factor(sample.table, i, units) for i in range(sample.table.shape[1])),
        together=tuple(together),
    )


def digest(table: pd.DataFrame) -> str:
    """SHA-256 over columns and values of a table, whatever its index is."""
    sha256 = hashlib.sha256("\0".join(map(str, table.columns)).encode())
    sha256.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    return sha256.hexdigest()


def _factor(table: pd.DataFrame, at: int, units: dict[str, str]) -> Factor:
    name, column = str(table.columns[at]), table.iloc[:, at]
    fields: dict[str, Any] = {"name": name, "kind": str(column.dtype), "unit": units.get(name, "")}
    fields["missing"] = float(column.isna().mean())
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        values = values[np.isfinite(values)]
        if len(values):
            points = np.quantile(values, [0, 0.05, 0.5, 0.95, 1])
            named = ("least", "low", "median", "high", "most")
            fields |= {k: float(v) for k, v in zip(named, points, strict=True)}
    return Factor(**fields)


def rules_record(subject: Subject, learned: Learned) -> Rules:
    """Rules of one head, with their sentences."""
    units = subject.parameters.explain.units
    records = []
    for rule in learned.rules:
        record = RuleRecord.model_validate(rule)
        text = sentence(record, f"`{learned.name}`", units, units.get(learned.name, ""))
        records.append(record.model_copy(update={"sentence": text}))
    return Rules(
        subject=subject.name,
        version=subject.version,
        head=learned.name,
        kind=learned.kind,
        unit=units.get(learned.name, ""),
        train=learned.train,
        held=learned.held,
        purge=learned.purge,
        skill=learned.skill,
        learned=bool(records),
        why=learned.why,
        rules=tuple(records),
    )


def head_record(head: Attributed, columns: Sequence[str], lines: Iterable[Line] = ()) -> Head:
    """One head in a few figures."""
    total = sum(s.value for s in head.sizes if np.isfinite(s.value)) or 1.0
    return Head(
        name=head.name,
        method=head.contributions.method,
        perturbation=head.contributions.perturbation,
        unit=head.contributions.unit,
        factors=tuple(
            TopFactor(
                factor=columns[i],
                importance=head.sizes[i],
                share=head.sizes[i].value / total,
                direction=head.directions[i],
            )
            for i in head.order[:TOP]
        ),
        pairs=tuple(Pair(factors=(a, b), size=size) for a, b, size in head.pairs),
        regimes=_by_regime(lines),
    )


def _by_regime(lines: Iterable[Line]) -> dict[str, tuple[TopFactor, ...]]:
    factors_of: dict[str, list[TopFactor]] = {}
    for line in lines:
        if line.scope == "regime":
            direction = Estimate(
                line.direction, float("nan"), line.direction_low, line.direction_high
            )
            factor = TopFactor(
                factor=line.factor,
                importance=Estimate(line.importance, line.standard_error, line.low, line.high),
                share=line.share,
                direction=direction,
            )
            factors_of.setdefault(line.slice, []).append(factor)
    return {name: tuple(factors[:TOP]) for name, factors in factors_of.items()}


def attribution_csv(lines: Iterable[Line]) -> bytes:
    """``attribution_<head>.csv``: one line a factor, over all rows, each regime, each period."""
    return as_csv([f.name for f in fields(Line)], map(asdict, lines))


def as_csv(names: Sequence[str], rows: Iterable[dict[str, Any]]) -> bytes:
    """Lines as UTF-8 with a mark, as spreadsheets want it; what is not known stays empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(row.get(name)) for name in names})
    return ("\ufeff" + out.getvalue()).encode()


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.9g}"
    # A spreadsheet would take it for a formula.
    return f"'{value}" if isinstance(value, str) and _CELL.match(value) else value


def file_name(kind: str, head: str, ending: str) -> str:
    """``attribution_return.csv``; what no file name may hold is replaced, and told apart."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", head)[:80]
    if plain != head or not plain:
        plain += "_" + hashlib.sha256(head.encode()).hexdigest()[:6]
    return f"{kind}_{plain}.{ending}"
