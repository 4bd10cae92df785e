"""A hook of mkdocs: the packets that `make audit` published, as they are, on a page of the site."""

import json
import shutil
from pathlib import Path
from typing import Any

REPORTS = Path(__file__).parent.parent / "reports" / "reference_engine"
PAGE, MARK = "gallery.md", "<!-- packets -->"
FILES = ("packet.html", "packet.pdf")


def packets() -> dict[str, dict[str, Any]]:
    """The newest whole packet of each version: version to its manifest."""
    found = {}
    for manifest in sorted(REPORTS.glob("*/latest/run_manifest.json")):
        if all((manifest.parent / name).is_file() for name in FILES):
            found[manifest.parent.parent.name] = json.loads(manifest.read_text("utf-8"))
    return found


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """List the packets on the page; where there is none, say how they come there."""
    if page.file.src_uri != PAGE:
        return markdown
    rows = [
        f"| {version} | {told['verdict']} | "
        f"{sum(n for name, n in told['findings'].items() if name != 'info')} "
        f'| <a href="{version}/packet.html">HTML</a> | <a href="{version}/packet.pdf">PDF</a> |'
        for version, told in packets().items()
    ]
    head = ["| version | verdict | open findings | | |", "|---|---|---|---|---|"]
    none = "No packet was there when this site was built: `make audit docs` puts them here."
    return markdown.replace(MARK, "\n".join([*head, *rows]) if rows else none)


def on_post_build(config: Any, **_: Any) -> None:
    """Put the packets beside the page."""
    for version in packets():
        folder = Path(config.site_dir) / "gallery" / version
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            shutil.copyfile(REPORTS / version / "latest" / name, folder / name)
