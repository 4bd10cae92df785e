"""What a trusted class may be given as its state."""

import re

from audit_lib.subject.artifacts.judge.arguments import SCALARS, is_encoded, is_number
from audit_lib.subject.artifacts.judge.values import Array, Blob, Call, Dict, Global, Tuple, Value

_CALLED_BY_UNPICKLERS = frozenset(("append", "extend", "add", "update"))


#: Rules whose classes take states of forms of their own; their ``__setstate__`` checks them.
_OWN_FORMS = frozenset(
    ("array", "masked", "dtype", "scalar", "tree", "frame", "generator", "bits", "class_first")
) | {"holder"}


def judge_state(rule: str, state: Value) -> str:
    """What is wrong with the state of an instance, or ``""``.

    ``BUILD`` sets attributes, so a state could plant a method that the unpickler itself calls
    next (``__setstate__``, ``append``), or a native handle that is freed with the object.
    """
    if rule == "arrow":
        stored = isinstance(state, (bytes, Blob)) or is_encoded(state)
        return "" if stored else "is given a state that is no bytes of Arrow"
    if rule == "spline" and isinstance(state, Tuple):
        return "" if _is_delegated(state) else "is given a state that is no spline"
    pair = isinstance(state, Tuple) and len(state.items) == 2
    parts = state.items if pair else [state]
    if rule not in _OWN_FORMS and not all(isinstance(p, (Dict, type(None))) for p in parts):
        return "is given a state that is no dict of attributes"
    pairs = [pair for part in parts if isinstance(part, Dict) for pair in part.pairs]
    if rule == "distribution":
        return _judge_distribution(pairs, dicts=parts == [state] and isinstance(state, Dict))
    wrong = (_judge_attribute(rule, key, value) for key, value in pairs)
    return next((text for text in wrong if text), "")


def _is_delegated(state: Tuple) -> bool:
    """True for a spline as SciPy 1.18 keeps it: what it stands for, and an array of its kind."""
    kinds = [part.made if isinstance(part, Call) else None for part in state.items]
    named = [kind.full if isinstance(kind, Global) else "" for kind in kinds]
    last = state.items[-1] if state.items else None
    array = last.array if isinstance(last, Call) else last
    spline = named[:1] == ["scipy.interpolate._bsplines._BSpline"]
    return len(named) == 2 and spline and isinstance(array, Array)


#: What distributions of SciPy keep.
_KEPT = frozenset([
    "_stats_has_moments", "_random_state", "_ctor_param", "_updated_ctor_param", "badvalue", "name",
    "a", "b", "xtol", "inc", "moment_type", "shapes", "numargs", "_histogram", "_hpdf", "_hcdf",
    "_hbins", "_hbin_widths", "_density", "_parse_arg_template", "__doc__", "longname", "extradoc",
    "vecentropy", "moment_tol",
])  # fmt: skip
_PARAMETERS = r"(?:[A-Za-z_]\w*, )*"
_IN = rf"{_PARAMETERS} ?(?:loc=0, scale=1|loc=0)"
_OUT = r"(?:loc, scale|loc, 1)"
#: The text that ``_construct_argparser`` makes, whose defaults and names are the only freedom.
_PARSER = re.compile(
    rf"\ndef _parse_args\(self, {_IN}\):\n    return \({_PARAMETERS}\), {_OUT}\n\n"
    rf"def _parse_args_rvs\(self, {_IN}, size=None\):\n"
    rf"    return self\._argcheck_rvs\({_PARAMETERS} {_OUT}, size=size\)\n\n"
    rf"def _parse_args_stats\(self, {_IN}, moments='mv'\):\n"
    rf"    return \({_PARAMETERS}\), {_OUT}, moments\n"
)


def _judge_distribution(pairs: list[tuple[Value, Value]], *, dicts: bool) -> str:
    """``__setstate__`` executes the text of its argument parser, and calls methods of its own."""
    if not dicts:
        return "is given a state that is no dict of attributes"
    for key, value in pairs:
        if type(key) is not str or key not in _KEPT or isinstance(value, Global):
            return f"sets {key if type(key) is str else 'an attribute'}, which no distribution has"
        if key == "_parse_arg_template" and not (
            isinstance(value, str) and _PARSER.fullmatch(value)
        ):
            return "sets __code__: text that is executed, other than SciPy's"
    return ""


def _judge_attribute(rule: str, key: Value, value: Value) -> str:
    if type(key) is not str:
        plain = isinstance(key, SCALARS) or is_number(key)
        return "" if plain else "sets an attribute whose name cannot be decided"
    if key in ("__doc__", "__name__") and isinstance(value, (str, type(None), Blob)):
        return ""
    if key in _CALLED_BY_UNPICKLERS or (key[:2] == "__" == key[-2:]):
        return f"sets {key}, which the unpickler would call or obey"
    if rule == "statsmodels" and key == "restore_model_spec":
        return "evaluates its formula as code"
    if key in ("handle", "_handle") and rule in ("lightgbm", "xgboost"):
        native = isinstance(value, (type(None), str, bytes, Blob)) or is_encoded(value)
        return "" if native else "sets a native handle that is not a model"
    return ""
