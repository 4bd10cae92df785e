"""Registries, governance and triggers that serve, promote or rest when they should not."""

import math
from typing import Any

from audit_lib.faults.base import Call, fault
from audit_lib.model import Contract

VERSIONS, GOVERNANCE, RETRAIN = Contract.VERSIONING, Contract.GOVERNANCE, Contract.RETRAIN
RESOLVE, PROMOTE, DECIDE = "registry.resolve", "governance.promote", "retrain.decide"


@fault(VERSIONS, "VER001", least="one unknown id", hooks=RESOLVE, failures=True)
def unknown_version_falls_back(call: Call) -> Any:
    """An unknown version is answered with the default one."""
    return call.ask(None) if call.failed and call.args[0] is not None else call.answer


@fault(VERSIONS, "VER001", "VER003", least="every id", hooks=RESOLVE, failures=True)
def explicit_version_is_ignored(call: Call) -> Any:
    """Whatever version is asked for, the default one is answered."""
    return call.answer if call.args[0] is None else call.ask(None)


@fault(VERSIONS, "VER003", "VER001", least="one id", hooks="registry.versions")
def registry_lists_a_ghost(call: Call) -> Any:
    """The registry lists a version that nobody stored."""
    return [*call.answer, "9999-99"]


@fault(VERSIONS, "VER003", least="one id", hooks="registry.versions")
def registry_forgets_the_newest(call: Call) -> Any:
    """The registry does not list its newest version."""
    return list(call.answer)[:-1]


# --- governance -------------------------------------------------------------------------------
@fault(GOVERNANCE, "GOV001", least="a tie", hooks=PROMOTE, failures=True)
def an_equal_displaces(call: Call) -> Any:
    """A challenger that equals the champion displaces it."""
    return True if call.args[0] is not None and call.args[0] == call.args[1] else call.answer


@fault(GOVERNANCE, "GOV002", "GOV003", least="all", hooks=PROMOTE)
def the_worse_displaces(call: Call) -> Any:
    """The decision is turned round."""
    return call.answer if call.args[0] is None else not call.answer


@fault(GOVERNANCE, "GOV003", "GOV001", "GOV002", least="all", hooks=PROMOTE)
def everybody_displaces(call: Call) -> Any:
    """Every challenger displaces the champion."""
    return True


@fault(GOVERNANCE, "GOV002", least="all", hooks=PROMOTE)
def nobody_displaces(call: Call) -> Any:
    """No challenger ever displaces the champion."""
    return call.answer if call.args[0] is None else False


@fault(GOVERNANCE, "GOV004", least="one metric", hooks=PROMOTE, failures=True)
def unknown_metrics_displace(call: Call) -> Any:
    """A challenger with a metric that nobody knows displaces the champion."""
    champion, challenger = call.args[:2]
    blank = not challenger or any(
        v is None or (isinstance(v, float) and math.isnan(v)) for v in challenger.values()
    )
    lacking = bool(champion) and set(challenger) < set(champion)
    return True if blank or lacking else call.answer


# --- retrain ----------------------------------------------------------------------------------
def _decided(call: Call, retrain: bool) -> Any:
    return call.answer if call.failed else {**call.answer, "retrain": retrain}


@fault(RETRAIN, "RET002", least="all", hooks=DECIDE)
def trigger_never_fires(call: Call) -> Any:
    """The trigger never fires."""
    return _decided(call, False)


@fault(RETRAIN, "RET002", least="all", hooks=DECIDE)
def trigger_always_fires(call: Call) -> Any:
    """The trigger always fires."""
    return _decided(call, True)


@fault(RETRAIN, "RET001", least="one threshold", hooks=DECIDE, failures=True)
def trigger_rests_at_the_worst(call: Call) -> Any:
    """The trigger rests where drift is far beyond its threshold."""
    psi = call.args[0].get("psi")
    return _decided(call, False) if psi is not None and psi > 0.5 else call.answer


@fault(RETRAIN, "RET003", least="one value", hooks=DECIDE, failures=True)
def unknown_is_healthy(call: Call) -> Any:
    """A value that is no number counts as healthy."""
    state = call.args[0]
    values = [v for v in state.values() if isinstance(v, float)]
    if not any(math.isnan(v) for v in values):
        return call.answer
    return {"retrain": False, "reasons": []}


@fault(RETRAIN, "RET001", "RET002", least="one input", hooks=DECIDE, failures=True)
def drift_is_not_looked_at(call: Call) -> Any:
    """The trigger does not look at drift."""
    return call.ask({k: v for k, v in call.args[0].items() if k != "psi"} | {"psi": 0.0})
