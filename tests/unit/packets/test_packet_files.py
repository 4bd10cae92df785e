from __future__ import annotations

from audit_lib.packets.files import files_below


def test_files_and_links_are_listed_sorted_and_links_not_followed(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x").write_text("")
    (tmp_path / "a").write_text("")
    (tmp_path / "c").symlink_to(tmp_path / "b")
    assert [path for path, _ in files_below(tmp_path)] == ["a", "b/x", "c"]
