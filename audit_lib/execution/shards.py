"""Shards: a plan asked in parts, on machines that know nothing of each other, and put together.

The folder of a shard holds answers by content and says what they rest on; a run that finds them
makes the packet.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from audit_lib.errors import RunError, refused
from audit_lib.execution.spread import Spreading, Unit, answers_in, ask, differs, take
from audit_lib.files import read_whole, write_whole
from audit_lib.memory import identity

ANSWERS = "answers"


@dataclass(frozen=True)
class Shard:
    """What the folder of a shard says of itself."""

    number: int
    of: int
    asked: str
    subject: str
    versions: tuple[str, ...]
    tasks: tuple[str, ...]
    select: str
    ignore: str
    identity: Mapping[str, str]


def run_shard(
    spreading: Spreading,
    number: int,
    of: int,
    folder: Path,
    progress: Callable[[int, int, Unit], None] = lambda done, of, unit: None,
) -> Shard:
    """Ask every ``of``-th unit, and write a folder that :func:`merge` takes in.

    The same plan has the same units everywhere, whatever is kept there.

    Raises:
        RunError: the folder cannot be written, or this subject is not what was planned for.
    """
    jobs = spreading.plan.jobs
    name = jobs[0].subject
    mine = spreading.units(unknown=False)[number - 1 :: of]
    for done, unit in enumerate(mine, start=1):
        answer = ask(unit)
        if answer.refused:
            raise RunError(answer.refused, where=f"shard {number}/{of}")
        _write(folder / ANSWERS, answer.answers)
        progress(done, len(mine), unit)
    shard = Shard(
        number,
        of,
        jobs[0].reference,
        name,
        tuple(j.version for j in jobs),
        tuple(spreading.plan.tasks),
        jobs[0].select,
        jobs[0].ignore,
        identity(spreading.subjects[name]),
    )
    _write(folder, {"shard.json": json.dumps(asdict(shard), indent=1).encode()})
    return shard


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    with refused(RunError, "cannot be written", where=folder, mend="name another --to"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_whole(folder / name, content)


def read_shard(folder: Path) -> Shard:
    """What a shard's folder says.

    Raises:
        RunError: it is none.
    """
    with suppress(OSError, ValueError):
        return TypeAdapter(Shard).validate_json(read_whole(folder / "shard.json"))
    raise RunError(
        "is no folder that `workbook run --shard` wrote",
        where=str(folder),
        mend="name the folders that hold a shard.json",
    )


def agreed(folders: Sequence[Path]) -> Shard:
    """The shards' common plan.

    Raises:
        RunError: they are of different plans, subjects, libraries or interpreters, or some lack.
    """
    shards = {folder: read_shard(folder) for folder in folders}
    first = next(iter(shards.values()))
    for folder, shard in shards.items():
        other = differs(first.identity, shard.identity)
        other = other or differs(_plan_of(first), _plan_of(shard))
        if other:
            raise RunError(
                other, where=str(folder), mend="run every shard on the same checkout and lock"
            )
    lacking = set(range(1, first.of + 1)) - {s.number for s in shards.values()}
    if lacking:
        named = ", ".join(f"{n}/{first.of}" for n in sorted(lacking))
        raise RunError(
            f"shards are missing: {named}",
            where=str(folders[0].parent),
            mend="run them; the others need not be run again",
        )
    return first


def _plan_of(shard: Shard) -> dict[str, str]:
    fields = {k: v for k, v in asdict(shard).items() if k not in ("number", "identity")}
    return {name: json.dumps(value) for name, value in fields.items()}


def merge(folders: Sequence[Path], spreading: Spreading) -> None:
    """Take in the answers of all shards of a plan.

    Raises:
        RunError: they do not belong together, or to the subject that is here.
    """
    shard = agreed(folders)
    subject = spreading.subjects[shard.subject]
    other = differs(shard.identity, identity(subject))
    if other:
        raise RunError(
            f"{other} is here",
            where=str(folders[0]),
            mend="merge on the same checkout, at the same path, with the same lock",
        )
    for folder in folders:
        take(answers_in(folder / ANSWERS), spreading.folder_of(shard.subject))
