"""Spellings that put later rows on earlier ones, in pandas, polars and NumPy.

Each takes a node and answers, in words that fit after "uses", what it matches, or None.
"""

import ast
import re

from audit_lib.probes.code.calls import argument, called, chain, owner, text

#: What fills the end of an array that lost its beginning.
_FILLING = re.compile(r"nan|None|zeros|ones|full|\[-1|^-?\d|\[0")
SHIFTS = ("shift", "diff", "pct_change", "roll", "shift_and_fill")


def shifted_by(node: ast.AST) -> ast.expr | None:
    """By how many bars ``shift``, ``diff``, ``pct_change`` or ``roll`` moves, in any spelling."""
    name = called(node)
    if not isinstance(node, ast.Call) or name not in SHIFTS:
        return None
    if name == "roll":
        return argument(node, 1, "shift")
    if argument(node, None, "freq") is not None:
        return None  # moves the labels and not the values
    return argument(node, 0, "periods") or argument(node, None, "n")


def negative_shift(node: ast.AST) -> str | None:
    """A move by a negative number of bars, and arrays put back without their first element."""
    by = shifted_by(node)
    if by is not None and negative(by):
        return f"`{called(node)}` by {ast.unparse(by)}"
    return _moved_up(node)


def _moved_up(node: ast.AST) -> str | None:
    """``append(x[1:], nan)``, ``concatenate([x[1:], ...])`` and ``y[:-1] = x[1:]``."""
    name = called(node)
    if isinstance(node, ast.Call) and name in ("append", "concatenate", "r_", "hstack", "pad"):
        first = node.args[0] if node.args else None
        parts = first.elts if isinstance(first, (ast.List, ast.Tuple)) else node.args
        rest = " ".join(ast.unparse(part) for part in parts[1:])
        filled = bool(_FILLING.search(rest)) or (name == "pad" and "(0," in rest)
        if filled and _from_later(parts[0]):
            return f"`{name}` of {ast.unparse(parts[0])}, which moves later rows up"
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        target = node.targets[0].slice
        cut = isinstance(target, ast.Slice) and target.lower is None and target.upper is not None
        if cut and isinstance(target, ast.Slice) and negative(target.upper):
            later = next((p for p in ast.walk(node.value) if _from_later(p)), None)
            if later is not None:
                return f"{ast.unparse(later)} on earlier rows"
    return None


def _from_later(node: ast.AST) -> bool:
    """``x[1:]``, ``x.iloc[h:]``, ``x.values[1:]``."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Slice):
        return False
    lower = node.slice.lower
    begins = isinstance(lower, ast.Constant) and isinstance(lower.value, int) and lower.value > 0
    begins = begins or isinstance(lower, ast.Name)
    return begins and node.slice.upper is None and node.slice.step is None


def labelled_early(node: ast.Call) -> str | None:
    """``resample("1h").last().reindex(...)``: a bar's end served from its beginning on."""
    if called(node) == "reindex" and text(argument(node, None, "method")) not in ("ffill", "pad"):
        return None
    links = chain(node)
    if any(called(c) == "shift" for c in links):
        return None
    for link in links:
        label = text(argument(link, None, "label"))
        rule = text(argument(link, 0, "rule")) or ""
        late = re.fullmatch(r"\d*(W|M|ME|Q|QE|A|Y|YE|BME|BQE)(-\w+)?", rule)
        summed = any(called(c) in ("last", "max", "min", "mean", "sum", "agg", "ohlc", "std")
                     for c in links)  # fmt: skip
        early = label == "left" or (label is None and not late and bool(rule))
        if called(link) == "resample" and summed and early:
            return f'`resample("{rule}")` labelled at its beginning'
    return None


def reversed_rows(call: ast.Call) -> str:
    """What turns the rows around that a window walks over; '' for nothing."""
    node: ast.expr | None = owner(call)
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        if isinstance(node, ast.Subscript):
            cut = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice
            if isinstance(cut, ast.Slice) and cut.step is not None and negative(cut.step):
                return f"`[{ast.unparse(cut)}]`"
            node = node.value
        elif isinstance(node, ast.Call):
            ascending = argument(node, None, "ascending")
            down = isinstance(ascending, ast.Constant) and ascending.value is False
            name = called(node)
            if name in ("reverse", "flip", "flipud") or (name == "sort_index" and down):
                return f"`{name}`"
            node = owner(node)
        else:
            node = node.value
    return ""


def negative(node: ast.expr | None) -> bool:
    """True for ``-x``, whatever x is, but for zero."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return not (isinstance(node.operand, ast.Constant) and node.operand.value == 0)
    return False
