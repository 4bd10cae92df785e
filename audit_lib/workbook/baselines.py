"""The runs that a run is compared with."""

from audit_lib.errors import NotAssessed
from audit_lib.execution.layout import Place, RunFolder
from audit_lib.model import Task
from audit_lib.packets.assembly import Baseline
from audit_lib.packets.manifest import NAME
from audit_lib.subject.subject import Subject

#: how many runs before the previous one are read to tell what has come back from what is new
HISTORY = 10


def baselines(place: Place, subject: Subject, *, but: str = "") -> list[Baseline]:
    """Runs to compare with: the newest of the champion, and the previous one of the version.

    Args:
        subject: its registry says which version is champion.
        but: id of the run that asks; a run is compared with earlier ones only.
    """
    chosen = []
    try:
        champion = subject.registry.champion
    except NotAssessed:
        champion = None
    if champion and champion != place.version:
        newest = Place(place.reports, place.subject, champion).latest()
        if newest:
            chosen.append(Baseline(f"champion {champion}", newest.path))
    published = sorted(p for p in place.folder.glob("*") if (p / NAME).is_file())
    # The pointer to the newest run is none.
    runs = [p for p in published if not p.is_symlink() and (not but or p.name < but)]
    whole = [p for p in runs if all(RunFolder(p).results(task).is_file() for task in Task)]
    if whole:
        earlier = tuple(p for p in runs if p.name < whole[-1].name)
        chosen.append(Baseline("the previous run", whole[-1], earlier[-HISTORY:]))
    return chosen
