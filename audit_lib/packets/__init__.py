"""The packet: what a reviewer receives, and the manifest that proves it whole.

Drawing stands apart, in :mod:`audit_lib.packets.figures`, because it imports matplotlib.
"""

from audit_lib.packets.assembly import Baseline, assemble
from audit_lib.packets.index import update_index
from audit_lib.packets.manifest import Manifest, Problem, read_manifest, verify
from audit_lib.packets.packet import Input, Packet, Provenance, build
from audit_lib.packets.run import Run, read_run

__all__ = [
    "Baseline", "Input", "Manifest", "Packet", "Problem", "Provenance", "Run", "assemble", "build",
    "read_manifest", "read_run", "update_index", "verify",
]  # fmt: skip
