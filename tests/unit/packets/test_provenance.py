"""What the subject's code ran with, and what its isolation was seen to stop, is in the packet."""

from __future__ import annotations

import made_up

from audit_lib.packets.manifest import read_manifest, write_manifest
from audit_lib.packets.provenance import provenance_groups

STOPPED = "python network, python writes, tcp, writes"
RAN_WITH = "numpy 2.4.6, pandas 3.1.1, python 3.11.7, scikit-learn 1.8.0"


def test_manifest_and_packet_tell_the_child(packet_of, tmp_path) -> None:
    packet = packet_of(made_up.tasks(), stopped=STOPPED, subject_environment=RAN_WITH)
    (rows,) = (g["rows"] for g in provenance_groups(packet) if g["title"] == "Environment")
    assert ["seen to stop", STOPPED] in rows
    assert ["subject ran with", RAN_WITH] in rows
    (tmp_path / "run").mkdir()
    write_manifest(tmp_path / "run", packet)
    manifest = read_manifest(tmp_path / "run")
    assert (manifest.stopped, manifest.subject_environment) == (STOPPED, RAN_WITH)


def test_what_nobody_told_is_left_out(packet_of) -> None:
    groups = provenance_groups(packet_of(made_up.tasks()))
    assert not {"seen to stop", "subject ran with"} & {r[0] for g in groups for r in g["rows"]}
