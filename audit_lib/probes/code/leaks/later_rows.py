"""Spellings that put later rows on earlier ones, in pandas, polars and NumPy.

Each takes a node and answers, in words that fit after "uses", what it matches, or None.
"""

import ast
import re

from audit_lib.probes.code.calls import argument, called, chain, owner, text

#: What fills the end of an array that lost its beginning.
_FILLING = re.compile(r"nan|None|zeros|ones|full|\[-1|^-?\d|\[0")
SHIFTS = ("shift", "diff", "pct_change", "roll", "shift_and_fill")
_OF_ONE = ("shift", "diff", "pct_change")


def shifted_by(node: ast.AST) -> ast.expr | None:
    """By how many bars ``shift``, ``diff``, ``pct_change`` or ``roll`` moves, in any spelling."""
    name = called(node)
    if not isinstance(node, ast.Call) or name not in SHIFTS:
        return None
    if name == "roll":
        return argument(node, 1, "shift")
    return argument(node, 0, "periods") or argument(node, None, "n")


def moves_up(node: ast.AST) -> bool | None:
    """True for a shift that puts later rows on earlier ones, False for another; None for none.

    Rows that are turned around and labels that are moved to earlier dates turn the sense.
    """
    by = shifted_by(node)
    if not isinstance(node, ast.Call) or (by is None and called(node) not in _OF_ONE):
        return None
    back = (text(argument(node, None, "freq")) or "").startswith("-")
    return (by is not None and negative(by)) ^ back ^ bool(turned(owner(node)))


def negative_shift(node: ast.AST) -> str | None:
    """A move by a negative number of bars, and arrays put back without their first element."""
    if isinstance(node, ast.Call) and moves_up(node):
        by, around = shifted_by(node), turned(owner(node))
        if around:
            return f"`{called(node)}` on rows that {around} turns around"
        return f"`{called(node)}` by {ast.unparse(by) if by is not None else 'a negative freq'}"
    return _moved_up(node)


def _moved_up(node: ast.AST) -> str | None:
    """``append(x[1:], nan)``, ``r_[x[1:], ...]``, ``y[:-1] = x[1:]`` and ``y[i] = x[i + 1]``."""
    name, parts = called(node) or "r_", _parts(node)
    if parts and _from_later(parts[0]):
        rest = " ".join(ast.unparse(part) for part in parts[1:])
        if _FILLING.search(rest) or (name == "pad" and "(0," in rest):
            return f"`{name}` of {ast.unparse(parts[0])}, which moves later rows up"
    if isinstance(node, ast.Call):
        end = {"diff": "append", "ediff1d": "to_end"}.get(name, "")
        if end and argument(node, None, end) is not None:
            return f"`{name}({end}=...)`, which takes each row from the next"
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        target = node.targets[0]
        later = next((p for p in ast.walk(node.value) if _is_later(p, target)), None)
        return f"{ast.unparse(later)} on earlier rows" if later is not None else None
    if isinstance(node, ast.IfExp):
        ahead = {ast.unparse(p) for p in ast.walk(node.test) if _beyond(p)}
        for part in ast.walk(node.body):
            if isinstance(part, ast.Subscript) and ast.unparse(part.slice) in ahead:
                return f"{ast.unparse(part)} on earlier rows"
    return None


def is_joined(node: ast.AST) -> bool:
    """True for ``np.r_[...]``."""
    return isinstance(node, ast.Subscript) and getattr(node.value, "attr", "") == "r_"


def _parts(node: ast.AST) -> list[ast.expr]:
    """What a call or ``np.r_`` puts one after the other."""
    held: list[ast.expr] = []
    if isinstance(node, ast.Subscript) and is_joined(node):
        held = [node.slice]
    elif isinstance(node, ast.Call) and called(node) in ("append", "concatenate", "hstack", "pad"):
        held = node.args
    first = held[0] if held else None
    return first.elts if isinstance(first, (ast.List, ast.Tuple)) else held


def _is_later(node: ast.AST, target: ast.Subscript) -> bool:
    """True for later rows of another array than the one that is written to."""
    if not isinstance(node, ast.Subscript) or ast.unparse(node.value) == ast.unparse(target.value):
        return False  # a buffer that moves on, a recursion from the end
    cut = target.slice
    if isinstance(cut, ast.Slice):
        ends = cut.lower is None and cut.upper is not None and negative(cut.upper)
        return ends and _from_later(node)
    return isinstance(cut, ast.Name) and _beyond(node.slice, cut.id)


def _beyond(node: ast.AST, name: str = "") -> bool:
    """True for ``i + 1`` and ``i + h``, of a name of one letter or of that name."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
        return False
    if not isinstance(node.left, ast.Name) or negative(node.right):
        return False
    return node.left.id == name or (not name and len(node.left.id) == 1)


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


def turned(node: ast.AST | None) -> str:
    """What turns the rows of an expression around; '' for nothing, and where it is undone."""
    turns: list[str] = []
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        if isinstance(node, ast.Subscript):
            cut = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice
            if isinstance(cut, ast.Slice) and cut.step is not None and negative(cut.step):
                turns.append(f"`[{ast.unparse(cut)}]`")
            node = node.value
        elif isinstance(node, ast.Call):
            ascending = argument(node, None, "ascending")
            down = isinstance(ascending, ast.Constant) and ascending.value is False
            name = called(node)
            if name in ("reverse", "flip", "flipud") or (name == "sort_index" and down):
                turns.append(f"`{name}`")
            if name == "sort_index":
                break  # whatever was turned before
            node = owner(node)
        else:
            node = node.value
    return turns[-1] if len(turns) % 2 else ""


def negative(node: ast.AST | None) -> bool:
    """True for ``-x``, ``-1 * x`` and ``0 - x``, whatever x is, but for zero."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return not (isinstance(node.operand, ast.Constant) and node.operand.value == 0)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return negative(node.left) != negative(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
        return isinstance(node.left, ast.Constant) and node.left.value in (0, 1)
    return False
