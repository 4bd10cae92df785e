"""The MCP server, asked by the SDK's own client over stdio."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import made_repo
import pytest

pytest.importorskip("mcp")

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

READS = {"list_subjects", "run_gate", "read_findings", "read_evidence", "explain"}
OWN_GATE = {"tampered": ["CHK001", "CHK002"]}


def workspace(folder: Path) -> Path:
    """A workspace whose one model is not what its checksum says."""
    files = {**made_repo.good_store(), "store/v1/model.txt": made_repo.lightgbm_text(["x"])}
    source = {"root": "../../repo", "subsystem": {"files": ["**/*.py"]}}
    artifacts = {**made_repo.STORE, "fields": {"checksums": "/checksums"}}
    made_repo.subject(folder, files, source=source, artifacts=artifacts, gates=OWN_GATE)
    return folder


def asked(place: Path, *calls: tuple[str, dict]):
    """Names of the tools, and an answer a call: (is an error, data or text)."""

    async def talk():
        words = ["mcp", "--workspace", str(place)]
        code = "from audit_lib.cli import main; main()"
        server = StdioServerParameters(command=sys.executable, args=["-c", code, *words])
        async with stdio_client(server) as wires, ClientSession(*wires) as session:
            await session.initialize()
            names = {t.name: t for t in (await session.list_tools()).tools}
            return names, [await session.call_tool(name, given) for name, given in calls]

    names, answers = asyncio.run(talk())
    return names, [(a.is_error, [c.text for c in a.content]) for a in answers]


def test_a_client_lists_runs_and_reads_and_can_do_nothing_else(tmp_path):
    place = workspace(tmp_path)
    before = {p: p.read_bytes() for p in (tmp_path / "repo").rglob("*") if p.is_file()}
    names, answers = asked(
        place,
        ("list_subjects", {}),
        ("run_gate", {"subject": "made", "gate": "tampered"}),
        ("explain", {"code": "CHK002"}),
        ("read_findings", {"subject": "made", "version": "v1"}),
        ("run_gate", {"subject": str(tmp_path / "parameters" / "made") + "/", "gate": "tampered"}),
        ("read_findings", {"subject": "made", "version": "../../etc"}),
    )
    assert set(names) == READS
    assert all(t.annotations.read_only_hint for t in names.values())
    listed, gate, explained, unpublished, by_path, outside = answers

    assert json.loads(listed[1][0])["versions"] == ["v1"]
    assert "tampered" in json.loads(listed[1][0])["gates"]
    result = json.loads(gate[1][0])
    assert (gate[0], result["verdict"]) == (False, "broken")
    assert {f["code"] for f in result["findings"]} == {"CHK002"}
    assert "Remediation" in json.loads(explained[1][0])
    for refused, said in (
        (unpublished, "there is no complete run"),
        (by_path, "no subject of this workspace is called"),
        (outside, "../../etc"),
    ):
        assert refused[0]
        assert said in refused[1][0]
    assert before == {p: p.read_bytes() for p in (tmp_path / "repo").rglob("*") if p.is_file()}


def test_without_the_package_the_message_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['mcp.server'] = None; sys.modules['mcp'] = None\n"
        "from audit_lib.cli import main; main()"
    )
    words = [sys.executable, "-c", code, "mcp", "--workspace", str(workspace(tmp_path))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "pip install 'model-audit-workbook[mcp]'" in done.stderr
