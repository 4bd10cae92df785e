"""Where a packet comes from: the environment it was made in, and how it is told."""

import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from audit_lib import __version__
from audit_lib.files import package_digest
from audit_lib.packets.packet import Packet
from audit_lib.reporters.sarif_rules import DISTRIBUTION
from audit_lib.reporters.text import one_line

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def packages() -> dict[str, str]:
    """Installed versions of everything this library declares that it needs."""
    try:
        declared = requires(DISTRIBUTION) or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        declared = []
    names = [m.group() for d in declared if "extra ==" not in d and (m := _NAME.match(d))]
    installed = {}
    for name in sorted(names):
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            installed[name] = "not installed"
    return installed


def environment() -> dict[str, str]:
    """Library, interpreter and platform, without anything that names this machine."""
    return {
        "library": __version__,
        "library_sha256": package_digest(),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
    }


def provenance_groups(packet: Packet) -> list[dict[str, Any]]:
    """Provenance as titled groups of rows, for people."""
    provenance = packet.provenance
    here = environment()
    unchanged = "unchanged by the audit" if not packet.void else "CHANGED during the audit"
    groups: list[tuple[str, list[tuple[str, str]]]] = [
        (
            "Run",
            [
                ("subject", provenance.subject),
                ("version", provenance.version),
                ("role", provenance.role),
                ("revision", provenance.revision),
                ("run", provenance.run_id),
                ("started", provenance.started),
                ("ended", provenance.ended),
                ("tasks", " ".join(t.value for t in provenance.tasks)),
            ],
        ),
        (
            "Subject",
            [
                ("state", unchanged if provenance.subject_before else "no digest was taken"),
                ("digest before", provenance.subject_before),
                ("digest after", provenance.subject_after),
            ],
        ),
        (
            "Environment",
            [
                ("isolation", provenance.isolation),
                ("seen to stop", provenance.stopped),
                ("closed to hooks, and asked for", provenance.refused),
                ("subject ran with", provenance.subject_environment),
                ("kernels", provenance.kernel),
                ("workbook", f"{here['library']} (sha256 {here['library_sha256'][:16]})"),
                ("python", f"{here['implementation']} {here['python']}"),
                ("platform", f"{here['system']} {here['machine']}"),
            ],
        ),
        ("Parameters", sorted(provenance.parameters.items())),
        ("Packages", sorted(packages().items())),
        ("Inputs", [(f"{i.kind}/{i.name}", i.sha256) for i in provenance.inputs]),
    ]
    return [
        {"title": title, "rows": [[one_line(k), one_line(v)] for k, v in rows if v]}
        for title, rows in groups
        if any(v for _, v in rows)
    ]
