"""A run's results into a packet: one model, written in every form a reader may want."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from audit_lib.files import write_whole
from audit_lib.model import Location, TaskResult
from audit_lib.model.closure import Comparison, compare
from audit_lib.packets.closing import closure_csv, closure_json
from audit_lib.packets.learned import learned_lines, proved
from audit_lib.packets.manifest import write_manifest
from audit_lib.packets.packet import Packet, Provenance, build
from audit_lib.packets.run import read_run
from audit_lib.packets.schema import schema_files
from audit_lib.reporters.csv_report import to_csv
from audit_lib.reporters.junit import to_junit
from audit_lib.reporters.report import nowhere, unread
from audit_lib.reporters.sarif import to_sarif


@dataclass(frozen=True)
class Baseline:
    """A run to compare with.

    Attributes:
        label: what readers know it by, such as ``champion 2022-06`` or ``previous run``.
        run_dir: its folder; one that lacks results of a task of this run is left out, since what it
            never looked at would seem new.
        earlier: folders of runs before it, to tell what has come back from what is new.
    """

    label: str
    run_dir: Path
    earlier: tuple[Path, ...] = ()


def assemble(
    run_dir: Path,
    *,
    provenance: Provenance,
    baselines: Sequence[Baseline] = (),
    locate: Callable[[str, str], str] = nowhere,
    snippet: Callable[[Location], str] = unread,
) -> Packet:
    """Write the packet of a run beside its results.

    Reads ``results/`` and ``sentinels/``; writes ``packet.html``, ``packet.pdf``,
    ``findings.sarif``, ``findings.csv``, ``junit.xml``, ``closure.json``, ``closure.csv``,
    ``schema/<version>.json`` and, last, ``run_manifest.json``.  A run that is not whole gets a
    packet as well: it says so on page one, and is never ``kept``.

    Args:
        run_dir: the run's folder, staged; nothing outside it is written.
        provenance: what the results do not say.
        baselines: runs to compare with; the first one marks findings as new or persisting.
        locate, snippet: as in :class:`~audit_lib.reporters.report.Report`, for code hosts.

    Raises:
        RunError: the packet could not be typeset, or the folder holds links.
    """
    # Typesetting and drawing are slow to import, and most commands never write a packet.
    from audit_lib.packets.html import render_html
    from audit_lib.packets.pdf import render_pdf

    run = read_run(run_dir, provenance.tasks)
    packet = build(run, provenance, comparisons_with(run.tasks, baselines))
    sensitivity = proved(run_dir, provenance.subject, provenance.version)
    packet = replace(packet, learned=learned_lines(run_dir), sensitivity=sensitivity)
    report = packet.report
    forms = {
        "packet.html": render_html(packet, snippet).encode("utf-8"),
        "packet.pdf": render_pdf(packet),
        "findings.sarif": to_sarif(replace(report, locate=locate, snippet=snippet)).encode("utf-8"),
        # The mark tells spreadsheets that the text is UTF-8.
        "findings.csv": ("\ufeff" + to_csv(report)).encode("utf-8"),
        "junit.xml": to_junit(report).encode("utf-8"),
        "closure.json": closure_json(packet).encode("utf-8"),
        "closure.csv": ("\ufeff" + closure_csv(packet)).encode("utf-8"),
    }
    for name, content in {**forms, **schema_files(packet.results, provenance.version)}.items():
        write_whole(run_dir / name, content)
    write_manifest(run_dir, packet)
    return packet


def comparisons_with(
    tasks: Sequence[TaskResult], baselines: Sequence[Baseline]
) -> list[Comparison]:
    """What became of the findings since each baseline that has all that these tasks look at.

    A task that the baseline ran and this run did not leaves its findings unknown.
    """
    comparisons, tasks_here = [], tuple(t.task for t in tasks)
    for baseline in baselines:
        before = read_run(baseline.run_dir, tasks_here)
        if tasks and not before.problems:
            earlier = [read_run(folder, ()).tasks for folder in baseline.earlier]
            comparisons.append(compare(before.tasks, tasks, label=baseline.label, earlier=earlier))
    return comparisons
