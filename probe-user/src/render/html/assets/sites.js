// The table of call sites: order, filter, rows that open.

const table = byId("sites");

const SORT_KEYS = {
  count: (site) => site.count,
  p50: (site) => site.latency?.p50,
  p90: (site) => site.latency?.p90,
  p99: (site) => site.latency?.p99,
  max: (site) => site.latency?.max,
  total: (site) => site.latency?.sum,
  bytes: (site) => site.bytes,
};

function setUpSites() {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const search = byId("site-filter");
  const order = byId("site-sort");
  const more = byId("site-more");
  const probes = new Set();
  let sort = { key: data.sort, isDown: true };
  let showsAll = data.top === 0 || data.top >= rows.length;

  const opened = new Map();
  function toggle(row, wanted) {
    const opener = row.querySelector(".opener");
    const isOpen = opened.has(row);
    if (isOpen === wanted) return;
    if (isOpen) {
      opened.get(row).remove();
      opened.delete(row);
    } else {
      const cell = el("td", { colspan: row.cells.length, role: "cell" }, details(data.sites[row.dataset.index]));
      const below = el("tr.details", { role: "row" }, cell);
      row.after(below);
      opened.set(row, below);
    }
    row.classList.toggle("open", !isOpen);
    opener.setAttribute("aria-expanded", String(!isOpen));
  }

  function isWanted(site) {
    if (probes.size && !probes.has(site.probe)) return false;
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = `${site.function} ${site.file} ${site.probe}`.toLowerCase();
    return words.every((word) => text.includes(word));
  }

  // With a filter every row that fits is of interest, else the first ones.
  function apply() {
    const wanted = rows.filter((row) => isWanted(data.sites[row.dataset.index]));
    const set = new Set(wanted);
    const isFiltered = wanted.length < rows.length;
    wanted.forEach((row, rank) => row.classList.toggle("beyond", data.top > 0 && rank >= data.top));
    for (const row of rows) {
      row.classList.toggle("out", !set.has(row));
      if (opened.has(row)) opened.get(row).hidden = !set.has(row);
    }
    table.classList.toggle("all", showsAll || isFiltered);
    more.replaceChildren();
    if (isFiltered) more.append(`${wanted.length} of ${rows.length} call sites`);
    else if (data.top > 0 && rows.length > data.top) {
      const button = el("button", { type: "button" }, showsAll ? `Show the first ${data.top}` : `Show all ${rows.length} call sites`);
      button.addEventListener("click", () => {
        showsAll = !showsAll;
        apply();
      });
      more.append(button);
    }
  }

  function sortRows() {
    const value = SORT_KEYS[sort.key];
    const of = (row) => value(data.sites[row.dataset.index]) ?? -1;
    const rank = (a, b) => a.dataset.index - b.dataset.index;
    // The report's own order knows what only waits, and puts it last.
    const isReports = sort.isDown && sort.key === data.sort;
    rows.sort((a, b) => (isReports ? 0 : sort.isDown ? of(b) - of(a) : of(a) - of(b)) || rank(a, b));
    for (const row of rows) {
      body.append(row);
      if (opened.has(row)) row.after(opened.get(row));
    }
    for (const head of table.tHead.querySelectorAll("th[data-key]")) {
      if (head.dataset.key === sort.key) head.setAttribute("aria-sort", sort.isDown ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    order.value = sort.key;
    apply();
  }

  for (const head of table.tHead.querySelectorAll("th[data-key]")) {
    const button = el("button.sort", { type: "button" }, head.textContent);
    button.addEventListener("click", () => {
      sort = { key: head.dataset.key, isDown: sort.key === head.dataset.key ? !sort.isDown : true };
      sortRows();
    });
    head.replaceChildren(button);
  }
  for (const row of rows) {
    const name = row.querySelector(".fn");
    const opener = el("button.opener", { type: "button", "aria-expanded": "false" });
    name.replaceWith(opener);
    opener.append(name);
    opener.addEventListener("click", () => toggle(row));
    row.addEventListener("click", (event) => {
      const isPlain = !event.target.closest("button, a") && !String(getSelection());
      if (isPlain) toggle(row);
    });
  }
  for (const chip of byId("site-tools").querySelectorAll(".chip")) {
    chip.addEventListener("click", () => {
      const isOn = !probes.delete(chip.dataset.probe);
      if (isOn) probes.add(chip.dataset.probe);
      chip.setAttribute("aria-pressed", String(isOn));
      apply();
    });
  }
  search.addEventListener("input", apply);
  order.addEventListener("change", () => {
    sort = { key: order.value, isDown: true };
    sortRows();
  });

  // A link from a finding shows its row whatever is filtered.
  function follow() {
    const row = rows.find((row) => `#${row.id}` === location.hash);
    if (!row) return;
    search.value = "";
    probes.clear();
    for (const chip of byId("site-tools").querySelectorAll(".chip")) chip.setAttribute("aria-pressed", "false");
    showsAll = showsAll || row.classList.contains("beyond");
    apply();
    toggle(row, true);
    row.scrollIntoView({ block: "center" });
    row.querySelector(".opener").focus({ preventScroll: true });
  }
  addEventListener("hashchange", follow);
  sortRows();
  follow();
}

if (table) setUpSites();
