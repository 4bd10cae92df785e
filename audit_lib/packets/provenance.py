"""Where a packet comes from: the environment it was made in, and how it is told."""

import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from audit_lib import __version__
from audit_lib.files import package_digest
from audit_lib.packets.packet import Packet
from audit_lib.reporters.text import one_line

DISTRIBUTION = "model-audit-workbook"
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def packages() -> dict[str, str]:
    """Installed versions of everything this library declares that it needs."""
    try:
        declared = requires(DISTRIBUTION) or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        declared = []
    names = [m.group() for d in declared if "extra ==" not in d and (m := _NAME.match(d))]
    found = {}
    for name in sorted(names):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


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
    said = packet.provenance
    here = environment()
    unchanged = "unchanged by the audit" if not packet.void else "CHANGED during the audit"
    groups: list[tuple[str, list[tuple[str, str]]]] = [
        (
            "Run",
            [
                ("subject", said.subject),
                ("version", said.version),
                ("role", said.role),
                ("revision", said.revision),
                ("run", said.run_id),
                ("started", said.started),
                ("ended", said.ended),
                ("tasks", " ".join(t.value for t in said.tasks)),
            ],
        ),
        (
            "Subject",
            [
                ("state", unchanged if said.subject_before else "no digest was taken"),
                ("digest before", said.subject_before),
                ("digest after", said.subject_after),
            ],
        ),
        (
            "Environment",
            [
                ("isolation", said.isolation),
                ("seen to stop", said.stopped),
                ("closed to hooks, and asked for", said.refused),
                ("subject ran with", said.subject_environment),
                ("kernels", said.kernel),
                ("workbook", f"{here['library']} (sha256 {here['library_sha256'][:16]})"),
                ("python", f"{here['implementation']} {here['python']}"),
                ("platform", f"{here['system']} {here['machine']}"),
            ],
        ),
        ("Parameters", sorted(said.parameters.items())),
        ("Packages", sorted(packages().items())),
        ("Inputs", [(f"{i.kind}/{i.name}", i.sha256) for i in said.inputs]),
    ]
    return [
        {"title": title, "rows": [[one_line(k), one_line(v)] for k, v in rows if v]}
        for title, rows in groups
        if any(v for _, v in rows)
    ]
