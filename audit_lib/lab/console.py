"""The console: a run's findings to search, look into, ask again and waive."""

import ast
from collections.abc import Callable
from typing import Any

from audit_lib.errors import AuditError, NotApplicable, NotAssessed
from audit_lib.host import HookError
from audit_lib.reporters.text import one_line
from audit_lib.workbook import Workbook
from audit_lib.workbook.desk import FACETS, about, facet, matching, overview
from audit_lib.workbook.display import Sheet, in_notebook, say, show, views

_ANY = "any"
_WIDE = {"width": "98%"}


def console(audit: Workbook | str, version: str = "latest", **parameters: Any) -> Any:
    """A console over what a run found; without widgets, the list and the worst finding.

    Args:
        audit: a workbook that has run, or the name of a subject, of which the newest published run
            of the version is read.
        version: of that subject.
        parameters: further parameters, as notebooks have them, such as ``reports``.

    Raises:
        RunError: the workbook has not run, or there is no run of the version.
    """
    if isinstance(audit, str):
        audit = Workbook.published(audit, version, parameters)
    if "console" in views:
        return views["console"](audit)
    show(overview(audit))
    return None


class Console:
    """Widgets over one run: a list on the left, the chosen finding in tabs on the right.

    Attributes:
        widget: what a cell shows.
        search: words that findings must hold.
        facets: a drop-down each of :data:`FACETS`.
        panes: what is shown, by tab.
    """

    def __init__(self, audit: Workbook) -> None:
        import ipywidgets as widgets

        self.audit, self.findings = audit, audit.all_findings()
        self._w, self._filling = widgets, False
        self.search = widgets.Text(placeholder="words to search for", layout=_WIDE)
        self.facets = {name: widgets.Dropdown(description=name, layout=_WIDE) for name in FACETS}
        self.chosen = widgets.Select(rows=16, layout=_WIDE)
        self.count = widgets.Label()
        self.panes = {
            n: widgets.Output() for n in ("finding", "case", "again", "waiver", "certify")
        }
        left = [self.search, *self.facets.values(), self.count, self.chosen]
        tabs = widgets.Tab(
            children=[
                self.panes["finding"],
                self._case(),
                self._again(),
                self._waiver(),
                self._certify(),
            ],
            titles=("Finding", "Case", "Ask again", "Waiver", "Certify"),
            layout={"flex": "1 1 0", "min_width": "0"},
        )
        self.widget = widgets.HBox(
            [widgets.VBox(left, layout={"width": "24em", "flex": "0 0 auto"}), tabs],
            layout={"width": "100%"},
        )
        self.search.observe(self._fill, names="value")
        for drop in self.facets.values():
            drop.observe(self._fill, names="value")
        self.chosen.observe(lambda _: None if self._filling else self._look(), names="value")
        self._fill()

    @property
    def name(self) -> str:
        """Id of the chosen finding; '' where none fits."""
        return self.chosen.value or ""

    # --- the list ---------------------------------------------------------------------------------
    def _fill(self, _: object = None) -> None:
        """Findings that fit; each facet counts what the others leave."""
        if self._filling:  # what is set here calls back
            return
        self._filling = True
        chosen = {n: d.value for n, d in self.facets.items() if d.value not in (None, _ANY)}
        for name, drop in self.facets.items():
            others = {k: v for k, v in chosen.items() if k != name}
            left = [self.findings[n][0] for n in self._fitting(**others)]
            values = dict.fromkeys(facet(name, f) for f in left)
            counted = {v: sum(facet(name, f) == v for f in left) for v in values}
            current = chosen.get(name, _ANY)
            options = [(one_line(f"{v} ({n})"), v) for v, n in sorted(counted.items())]
            if name == "severity":
                options = [(f"{v} ({n})", v) for v, n in counted.items()]  # worst first
            if current not in (_ANY, *counted):
                options.append((f"{current} (0)", current))
            drop.options = [(_ANY, _ANY), *options]
            drop.value = current
        names = self._fitting(**chosen)
        self.count.value = f"{len(names)} of {len(self.findings)} findings"
        before = self.name
        self.chosen.options = [(self._line(n), n) for n in names]
        self.chosen.value = before if before in names else next(iter(names), None)
        self._filling = False
        if self.name != before or not before:
            self._look()

    def _fitting(self, **chosen: str) -> list[str]:
        return matching(self.findings, self.search.value, self.audit.dependents, **chosen)

    def _line(self, name: str) -> str:
        finding = self.findings[name][0]
        return one_line(f"{name} · {finding.severity.label} · {finding.message}", 300)

    def _look(self) -> None:
        pane = self.panes["finding"]
        in_pane(pane, lambda: show(about(self.audit, self.name)) if self.name else None)
        tables = self.audit.finding(self.name).evidence() if self.name else ()
        self.table.options = [
            (one_line(e.title), f"{self.name.split('-')[0]}/{e.name}") for e in tables
        ]
        self.table.index = 0 if tables else None
        place = self.audit.finding(self.name).finding.location if self.name else None
        self.unit.value = (
            one_line(f"{place.path}::{place.symbol}") if place and place.symbol else ""
        )
        for name in ("case", "again", "waiver", "certify"):
            self.panes[name].clear_output()

    # --- acting -----------------------------------------------------------------------------------
    def _case(self) -> Any:
        self.table = self._w.Dropdown(description="table", layout=_WIDE)
        self.row = self._w.BoundedIntText(description="row", min=0, max=1_000_000)
        self.around = self._w.BoundedIntText(5, description="bars around", min=0, max=500)
        whole = self._w.Button(description="Show the table")
        whole.on_click(lambda _: in_pane(self.panes["case"], self._table))
        parts = [self.table, whole, self.row, self.around]
        return self._form("case", parts, "Look up", self._drill)

    def _table(self) -> None:
        tables = self.audit.finding(self.name).evidence() if self.name else ()
        chosen = [e for e in tables if str(self.table.value).endswith(f"/{e.name}")]
        show([Sheet(e.title, e.columns, e.rows, e.note) for e in chosen])

    def _drill(self) -> None:
        from IPython.display import display

        if not self.table.value:
            say("This finding rests on no table.")
            return
        case = self.audit.case(self.table.value, self.row.value, self.around.value)
        (display if in_notebook() else say)(case)
        say(f"audit.case({self.table.value!r}, {self.row.value}, {self.around.value})")

    def _again(self) -> Any:
        versions = self.audit.subject.versions()
        self.version = self._w.Dropdown(
            options=versions, value=self.audit.subject.version, description="version"
        )
        self.options = self._w.Text(
            description="options", placeholder="rows=200, seed=3", layout=_WIDE
        )
        return self._form("again", [self.version, self.options], "Run the check", self._rerun)

    def _rerun(self) -> None:
        own = self.version.value == self.audit.subject.version
        options = options_of(self.options.value)
        code = self.name.split("-")[0]
        self.audit.again(code, "" if own else self.version.value, **options)

    def _waiver(self) -> Any:
        text = self._w.Text
        self.owner = text(description="owner", layout=_WIDE)
        self.reason = text(description="reason", layout=_WIDE)
        self.expires = text(description="expires", placeholder="2026-12-31", layout=_WIDE)
        self.write = self._w.Checkbox(description="write it into exemptions.toml")
        parts = [self.owner, self.reason, self.expires, self.write]
        return self._form("waiver", parts, "Draft", self._draft)

    def _draft(self) -> None:
        fields = (self.name, self.owner.value, self.reason.value, self.expires.value)
        show([self.audit.waiver(*fields, write=self.write.value)])

    def _certify(self) -> Any:
        text = self._w.Text
        self.unit = text(description="definition", placeholder="path.py::name", layout=_WIDE)
        self.who = text(description="who", layout=_WIDE)
        self.criteria = text("read", description="criteria", layout=_WIDE)
        self.notes = text(description="notes", layout=_WIDE)
        self.delta = self._w.Checkbox(description="only what changed since the last one was read")
        parts = [self.unit, self.who, self.criteria, self.notes, self.delta]
        return self._form("certify", parts, "Write it into ledger.toml", self._vouch)

    def _vouch(self) -> None:
        criteria = [c.strip() for c in self.criteria.value.split(",") if c.strip()]
        fields = (self.unit.value, self.who.value, criteria, self.notes.value)
        show([self.audit.certify(*fields, delta=self.delta.value)])

    # --- inside -----------------------------------------------------------------------------------
    def _form(self, pane: str, parts: list[Any], word: str, act: Callable[[], None]) -> Any:
        button = self._w.Button(description=word, button_style="primary")
        button.on_click(lambda _: in_pane(self.panes[pane], act))
        return self._w.VBox([*parts, button, self.panes[pane]])


def in_pane(pane: Any, act: Callable[[], None]) -> None:
    """Do something in a pane; what our own errors say stands there instead of a traceback."""
    pane.clear_output(wait=True)
    with pane:
        try:
            act()
        except (AuditError, NotAssessed, NotApplicable, HookError) as error:
            say(error)


def options_of(text: str) -> dict[str, Any]:
    """Options as they are written in a call: ``rows=200, share=0.5``.

    Raises:
        AuditError: they are not written so.
    """
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        assert isinstance(call, ast.Call)
        assert not call.args
        assert all(k.arg for k in call.keywords)
        return {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError, AssertionError):
        raise AuditError(
            f"options are not readable: {text!r}", where="console", mend="write rows=200, seed=3"
        ) from None


def explorer(audit: Workbook, asset: str = "", date: str = "") -> Any:
    """One decision after the other: which row is chosen above, what made it below."""
    import ipywidgets as widgets

    from audit_lib.explain.rows import inputs_of
    from audit_lib.workbook.learning import taken_apart

    rows = inputs_of(audit.subject)
    pane = widgets.Output()
    assets = [] if rows.assets is None else sorted(set(map(str, rows.assets)))
    who = widgets.Combobox(value=asset, options=assets, description="asset", placeholder="the last")
    when = widgets.Text(date, description="date", placeholder="the last")
    button = widgets.Button(description="Take apart", button_style="primary")

    def look(_: object = None) -> None:
        in_pane(
            pane, lambda: show(taken_apart(audit.subject, who.value.strip(), when.value.strip()))
        )

    button.on_click(look)
    look()
    chosen = [who, when, button] if assets else [when, button]
    return widgets.VBox([widgets.HBox(chosen), pane])
