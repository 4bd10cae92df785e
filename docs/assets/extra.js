// Wide tables scroll, so that a keyboard must reach them.
document$.subscribe(() => document.querySelectorAll(".md-typeset__scrollwrap").forEach(e => { e.tabIndex = 0; }));

// The page of all checks can be narrowed: words, and one choice a column. Without script it is whole.
document$.subscribe(() => {
  const tables = [...document.querySelectorAll(".md-typeset table")]
    .filter(t => ["code", "severity"].every(n => heads(t).includes(n)));
  if (tables.length < 2 || document.querySelector(".facets")) return;
  const rows = tables.flatMap(table => [...table.tBodies[0].rows].map(row => {
    const said = Object.fromEntries(heads(table).map((name, i) => [name, row.cells[i].textContent.trim()]));
    const task = heading(table).textContent.split(" ")[0];
    return { row, table, ...said, task: /^T\d/.test(task) ? task : "other", text: row.textContent.toLowerCase() };
  }));
  const form = document.createElement("form");
  form.className = "facets";
  form.append(field("words", Object.assign(document.createElement("input"), { type: "search", name: "words" })));
  for (const name of ["task", "contract", "severity"]) {
    const select = Object.assign(document.createElement("select"), { name });
    const order = ["critical", "high", "medium", "low"];
    const values = [...new Set(rows.map(r => r[name]).filter(Boolean))].sort();
    if (name === "severity") values.sort((a, b) => order.indexOf(a) - order.indexOf(b));
    for (const value of ["", ...values]) select.add(new Option(value || "all", value));
    form.append(field(name, select));
  }
  const told = document.createElement("output");
  form.append(told);
  tables[0].closest("article").insertBefore(form, heading(tables[0]));
  const narrow = () => {
    const asked = new FormData(form), words = asked.get("words").toLowerCase().split(/\s+/);
    const fits = r => words.every(w => r.text.includes(w))
      && ["task", "contract", "severity"].every(n => !asked.get(n) || r[n] === asked.get(n));
    rows.forEach(r => { r.row.hidden = !fits(r); });
    tables.forEach(t => {
      const empty = rows.filter(r => r.table === t).every(r => r.row.hidden);
      [heading(t), wrap(t)].forEach(e => { e.hidden = empty; });
    });
    told.textContent = `${rows.filter(r => !r.row.hidden).length} of ${rows.length} checks`;
  };
  form.addEventListener("input", narrow);
  form.addEventListener("submit", event => event.preventDefault());
  narrow();

  function heads(table) { return [...table.tHead.rows[0].cells].map(c => c.textContent.trim()); }
  function wrap(table) { return table.closest(".md-typeset__scrollwrap") || table; }
  function heading(table) {
    let at = wrap(table);
    while (at && at.tagName !== "H2") at = at.previousElementSibling;
    return at;
  }
  function field(name, control) {
    const label = document.createElement("label");
    label.append(name, control);
    return label;
  }
});
