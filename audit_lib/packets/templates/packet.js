'use strict';
// The packet is whole without this: it adds a search and a count above the findings, nothing else.
(() => {
  const cards = [...document.querySelectorAll('#findings article.finding')];
  const bar = document.getElementById('find');
  if (!bar || cards.length < 2) return;
  const query = bar.querySelector('input');
  const selects = [...bar.querySelectorAll('select')];
  const count = bar.querySelector('output');
  const boxes = [...document.querySelectorAll('fieldset.filter input')];
  const texts = cards.map((card) => card.textContent.toLowerCase().replace(/\s+/g, ' '));

  for (const select of selects) {
    const said = new Map();
    for (const card of cards) {
      const value = card.dataset[select.name];
      if (value) said.set(value, (said.get(value) || 0) + 1);
    }
    if ([...said.values()].every((n) => n === cards.length)) { select.parentElement.hidden = true; continue; }
    for (const value of [...said.keys()].sort()) select.add(new Option(`${value} (${said.get(value)})`, value));
  }

  const show = () => {
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    cards.forEach((card, i) => {
      const fits = words.every((word) => texts[i].includes(word))
        && selects.every((s) => !s.value || card.dataset[s.name] === s.value);
      card.classList.toggle('unfit', !fits);
      if (fits && card.offsetParent !== null) shown += 1;
    });
    count.textContent = shown === cards.length ? '' : `${shown} of ${cards.length} shown`;
  };

  // A link to a finding that the filters hide shows it.
  const reveal = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const card = cards.find((c) => c.id === id);
    if (!card || card.offsetParent !== null) return;
    query.value = '';
    for (const select of selects) select.value = '';
    for (const box of boxes) box.checked = true;
    show();
    card.scrollIntoView();
  };

  bar.hidden = false;
  query.addEventListener('input', show);
  for (const control of [...selects, ...boxes]) control.addEventListener('change', show);
  bar.addEventListener('submit', (event) => event.preventDefault());
  window.addEventListener('hashchange', reveal);
  show();
  reveal();
})();
