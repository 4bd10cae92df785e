"""Where in the subject a behaviour is made: the functions that its hook enters.

A finding about behaviour stands at the first function of the subject that the hook enters, in a
file under audit where there is one.  A function that is handed what the hook was given goes before
one that only loads or configures, and both before what runs while a module is imported or an
object is constructed.  Where none is seen to be handed it, since the hook converts it first, what
the hook calls last on the way to its answer goes before what it calls to load.
"""

from dataclasses import replace

from audit_lib.hooks import without_variant
from audit_lib.host import Entered
from audit_lib.model import Finding, Location
from audit_lib.subject.code import code_of
from audit_lib.subject.subject import Subject
from audit_lib.subject.units import MODULE, Unit

SOURCE = "<source>"
OF_A_HOOK = "hook"
"""base of the place of what is found of a hook, until it is placed"""
#: surfaces whose hooks act first and then look at what became of it
_STATEFUL = ("registry.", "governance.enter", "checkpoint_io.", "online.", "retrain.")
#: hooks that declare, to those that make what they speak of
_DECLARES = {"targets.declared": "targets.build", "splits.declared": "splits.folds"}


def placed(subject: Subject, finding: Finding) -> Finding:
    """The finding, standing where the subject is wrong, if it is about a hook's behaviour.

    The hook becomes its second place.  Where nobody knows what the hook enters, it stands there; a
    hook that only declares may enter nothing, and its finding then stands where what it declares is
    made.
    What errors say of this machine's folders is left out.
    """
    here = str(subject.root)
    asked = finding.location
    finding = replace(
        finding,
        location=subject.where(asked.symbol) if asked.base == OF_A_HOOK else asked,
        message=finding.message.replace(here, SOURCE),
        measured=finding.measured.replace(here, SOURCE),
    )
    hook = finding.location
    own = hook.base == "parameters" and hook.symbol in subject.hooks
    if finding.related or not own or hook != subject.hooks.location(hook.symbol):
        return finding
    name, variant = without_variant(hook.symbol)
    maker = subject.hooks.chosen(_DECLARES.get(name, name), variant)
    place = first_entered(subject, hook.symbol) or (
        first_entered(subject, maker) if maker else None
    )
    return replace(finding, location=place, related=hook) if place else finding


def first_entered(subject: Subject, hook: str) -> Location | None:
    """The function of the subject that a hook enters first; None where none is known."""
    entries = [e for e in subject.entered(hook) if _unit(subject, e) is not None]
    if not entries:  # and no file is asked for, since a place is never worth a finding
        return None
    under_audit = {file.path for file in subject.source.subsystem}
    # what ran while another file was imported tells nothing of the behaviour
    entries = [e for e in entries if not e.preparing or e.path in under_audit]
    if not entries:
        return None
    if not any(e.given for e in entries) and not hook.startswith(_STATEFUL):
        entries = [e for e in entries if e.direct and not e.preparing][::-1] + entries
    ranked = sorted(entries, key=lambda e: (e.path not in under_audit, e.preparing, not e.given))
    unit = _unit(subject, ranked[0])
    assert unit is not None
    return Location(unit.path, line=definition_line(unit), symbol=unit.name)


def units_entered(subject: Subject, hook: str) -> dict[str, Unit]:
    """Units of the source that calls of a hook entered, by their key."""
    units = (_unit(subject, entry) for entry in subject.entered(hook))
    return {unit.key: unit for unit in units if unit is not None}


def definition_line(unit: Unit) -> int:
    """Line of the ``def`` itself, below its decorators."""
    return getattr(unit.node, "lineno", unit.line)


def _unit(subject: Subject, entry: Entered) -> Unit | None:
    """The named function that an entry is, or stands in; None for none."""
    file = code_of(subject.source).files.get(entry.path)
    if file is None or not 0 < entry.line <= len(file.owners):
        return None
    unit = file.units[file.owners[entry.line - 1]]
    return None if unit.name == MODULE else unit
