"""Places that load weights into a network, and how: loosely, under a handler, in which mode."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from audit_lib.probes.code.calls import own_calls
from audit_lib.probes.code.surroundings import Surroundings, surroundings
from audit_lib.subject.code import Code
from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

_MISSING = re.compile(r"missing_keys|unexpected_keys|incompatible")
_PREDICTS = re.compile(
    r"predict|infer|forward|score|serve|evaluate|embed|encode|sample|signal", re.I
)
_GPU = re.compile(r"\.cuda\(|['\"](cuda|mps)(:\d+)?['\"]|\.is_available\(\)")
_TRAINS = re.compile(r"\.(backward|zero_grad)\(|optimi[sz]er|requires_grad")


@dataclass(frozen=True)
class NetworkLoad:
    """A call that loads weights.

    Attributes:
        unit, node: where.
        name: the object that gets them, as written.
        loose: the option under which weights may be missing unseen; '' for none.
        swallowed: line of a handler that goes on where they do not fit; 0 for none.
        predicts: the function or its class goes on to predict with it.
        evaluated: something in the function, the class or the module sets inference mode.
        unplaced: the state is read onto the device that it was saved on, and that may be a GPU.
    """

    unit: Unit
    node: ast.Call
    name: str
    loose: str
    swallowed: int
    predicts: bool
    evaluated: bool
    unplaced: bool


def network_loads(code: Code, path: str) -> Iterator[NetworkLoad]:
    """Those of one file."""
    file = code.files[path]
    if "load_state_dict" not in file.file.text and "load_weights" not in file.file.text:
        return
    around = surroundings(code, path)
    text = file.file.text
    on_gpu = any(_GPU.search(f.file.text) for f in code.files.values())
    for unit in file.units:
        for node in own_calls(unit):
            last = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = dotted(node.func).rpartition(".")[0]
            if last not in ("load_state_dict", "load_weights") or _is_optimiser(name):
                continue
            torch = last == "load_state_dict"
            yield NetworkLoad(
                unit, node, name, _loose(unit, node), _swallowed(around, node),
                torch and not name.startswith("super") and _serves(code, unit, name),
                bool(re.search(r"\.eval\(\)|\.train\(False\)|\.train\(mode=False\)", text)),
                torch and on_gpu and any(map(_unplaced, own_calls(unit))),
            )  # fmt: skip


def _unplaced(node: ast.Call) -> bool:
    """True for ``torch.load(path)``, which says nothing of the device that is here."""
    said = len(node.args) > 1 or any(k.arg in (None, "map_location") for k in node.keywords)
    return dotted(node.func) == "torch.load" and not said


def _loose(unit: Unit, node: ast.Call) -> str:
    options = {k.arg: k.value for k in node.keywords}
    if len(node.args) > 1 and dotted(node.func).endswith("load_state_dict"):
        options["strict"] = node.args[1]
    for option, value in (("strict", False), ("by_name", True), ("skip_mismatch", True)):
        given = options.get(option)
        if isinstance(given, ast.Constant) and given.value is value:
            body = ast.unparse(unit.node) if unit.node is not None else ""
            return "" if _MISSING.search(body) else f"{option}={value}"
    return ""


def _swallowed(around: Surroundings | None, node: ast.Call) -> int:
    handler = around.handler(node, "RuntimeError") if around is not None else None
    if handler is None:
        return 0
    again = any(
        isinstance(n, (ast.Return, ast.Call)) and "load" in ast.unparse(n)
        for s in handler.body
        for n in ast.walk(s)
    )
    ends = any(isinstance(s, (ast.Return, ast.Assign)) and _refuses(s.value) for s in handler.body)
    return 0 if again or ends else handler.lineno


def _refuses(value: ast.expr | None) -> bool:
    """True for None and False, returned or kept in the network's place: who serves is told."""
    return value is None or (isinstance(value, ast.Constant) and value.value in (None, False))


def _serves(code: Code, unit: Unit, name: str) -> bool:
    """True where what is loaded is called to predict, and not trained on."""
    owner = code.references.owner_class(unit) if name.startswith("self") else None
    scope = owner or unit
    if scope.node is None or _TRAINS.search(ast.unparse(scope.node)):
        return False
    named = [n.name for n in ast.walk(scope.node) if isinstance(n, DEFINITIONS)] if owner else [
        unit.name.rpartition(".")[2]]  # fmt: skip
    called = any(dotted(c.func) == name for c in ast.walk(scope.node)
                 if isinstance(c, ast.Call))  # fmt: skip
    return called and (bool(owner) or any(map(_PREDICTS.search, named)))


def _is_optimiser(name: str) -> bool:
    return bool(re.search(r"optim|sched|scaler|ema\b", name, re.I))
