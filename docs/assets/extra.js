// Wide tables scroll, so that a keyboard must reach them.
document$.subscribe(() => document.querySelectorAll(".md-typeset__scrollwrap").forEach(e => { e.tabIndex = 0; }));
