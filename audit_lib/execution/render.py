"""Executed notebooks as HTML pages that need nothing from outside, by nbconvert."""

from pathlib import Path
from typing import Any

from audit_lib.errors import RunError
from audit_lib.execution.stored import read_notebook
from audit_lib.files import write_whole

_TEMPLATES = Path(__file__).parent / "templates"


def render(folder: Path) -> list[Path]:
    """Write an ``.html`` beside every notebook of a folder.

    Raises:
        RunError: a notebook cannot be rendered or the page not written.
    """
    exporter = _exporter()
    pages = []
    for notebook in sorted(folder.glob("*.ipynb")):
        page = notebook.with_suffix(".html")
        try:
            document = read_notebook(notebook)
            text, _ = exporter.from_notebook_node(
                document, resources={"metadata": {"name": notebook.stem}}
            )
            write_whole(page, text.encode("utf-8", "replace"))
        except (OSError, ValueError) as error:
            raise RunError(
                f"cannot be rendered: {error}", where=str(page), mend="free some space there"
            ) from None
        pages.append(page)
    return pages


def _exporter() -> Any:
    from nbconvert.exporters import HTMLExporter, TemplateExporter
    from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter

    class Page(HTMLExporter):
        """Without the last pass of its parent, for which our template leaves nothing to do.

        That pass selects by soupsieve, whose patterns the `re` of Python before 3.11.5 misreads.
        """

        def from_notebook_node(self, nb: Any, resources: Any = None, **more: Any) -> Any:
            resources = self._init_resources(resources)  # type: ignore[no-untyped-call]
            types: Any = WidgetsDataTypeFilter
            self.register_filter(  # type: ignore[no-untyped-call]
                "filter_data_type",
                types(notebook_metadata=self._nb_metadata, parent=self, resources=resources),
            )
            return TemplateExporter.from_notebook_node(self, nb, resources, **more)

    return Page(  # type: ignore[no-untyped-call]
        template_name="audit",
        extra_template_basedirs=[str(_TEMPLATES)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
