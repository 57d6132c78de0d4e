// Pointing at a strip reads all strips at that moment.

function setUpTimeline(strips) {
  const { ends_ns: ends, hits } = data.timeline;
  const whole = ends[ends.length - 1];
  const rows = [...strips.querySelectorAll(".strip:not(.axis)")];

  function read(share) {
    const found = ends.findIndex((end) => end >= share * whole);
    const at = found < 0 ? ends.length - 1 : found;
    const begin = at > 0 ? ends[at - 1] : 0;
    const middle = ((begin + ends[at]) / 2 / whole) * 1000;
    rows.forEach((row, i) => {
      row.querySelector(".value").textContent = `${scaled((hits[i][at] / (ends[at] - begin || 1)) * 1e9, DECIMAL)}/s at ${duration(ends[at])}`;
      const cursor = row.querySelector(".cursor");
      cursor.setAttribute("x1", middle);
      cursor.setAttribute("x2", middle);
    });
  }

  strips.addEventListener("pointermove", (event) => {
    const box = rows[0].querySelector("svg").getBoundingClientRect();
    read(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  });
  strips.addEventListener("pointerleave", () => {
    for (const row of rows) {
      const value = row.querySelector(".value");
      value.textContent = value.dataset.peak;
      const cursor = row.querySelector(".cursor");
      cursor.setAttribute("x1", -9);
      cursor.setAttribute("x2", -9);
    }
  });
}

if (byId("strips")) setUpTimeline(byId("strips"));
