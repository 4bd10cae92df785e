"""Hands a hook what stands beside its own argument, where it takes it.

Tables beside its own (a third argument), and what is true while it is asked: the moment (``now``)
or the state of the account (``account``), which a hook takes by name.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from .by_row import for_tables
from .names import BESIDE
from .opening import unnoted

if TYPE_CHECKING:
    from collections.abc import Callable

#: hooks that may take a circumstance, by the name of the parameter
CIRCUMSTANCE = {
    "features.build_live": "now",
    "decisions.backtest": "account",
    "decisions.live": "account",
    "decisions.rules_backtest": "account",
    "decisions.rules_live": "account",
}
#: circumstances to the hook that makes them where nobody gives one
MADE_BY = {"account": "decisions.account"}


def with_sides(name: str, hooks: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    """The hook, taking one table, the tables beside it and its circumstance, as the judge has them.

    Where the judge has none, tables are made anew from what the hook is given, by
    ``predictor.sides`` or ``features.sides`` of its own variant, or the plain one; an account by
    ``decisions.account``; and there is no moment (None).
    """
    hook, (base, bracket, variant) = for_tables(hooks[name]), name.partition("[")

    def maker(wanted: str) -> Callable[..., Any] | None:
        return hooks.get(wanted + bracket + variant) or hooks.get(wanted)

    make, named = maker(BESIDE.get(base, "")), CIRCUMSTANCE.get(base, "")
    circumstance = named if named and named in _parameters(hook) else ""
    if make is None and not circumstance:
        return hook
    beside = make if make is not None and _takes(hook, 2, circumstance) else None
    rest = maker(MADE_BY.get(circumstance, ""))

    def call(at: Any, given: Any, sides: dict[str, Any] | None = None, told: Any = None) -> Any:
        with unnoted():  # what these read is not read by the hook
            tables = () if beside is None else (beside(at, given) if sides is None else sides,)
            known = rest(at) if circumstance and told is None and rest is not None else told
        if not circumstance:
            return hook(at, given, *tables)
        answer = hook(at, given, *tables, **{circumstance: known})
        # What an order leaves behind is for who gave the account.
        only_orders = told is None and isinstance(answer, dict) and "orders" in answer
        return answer["orders"] if only_orders else answer

    return call


def _parameters(hook: Callable[..., Any]) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(hook).parameters)
    except (TypeError, ValueError):
        return ()


def _takes(hook: Callable[..., Any], count: int, named: str) -> bool:
    """True where a hook takes that many arguments after the context, one by name besides."""
    try:
        inspect.signature(hook).bind(None, *[None] * count, **({named: None} if named else {}))
    except (TypeError, ValueError):
        return False
    return True
