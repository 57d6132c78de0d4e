// What opens below a row: the distribution, the stack, and the figures that have no column.

function details(site) {
  const box = el("div.drill");
  const left = el("div");
  if (site.latency && site.latency.bins.length) left.append(...distribution(site.latency));
  left.append(figures(site));
  box.append(left, el("div", null, el("h4", null, "Stack, innermost first"), stack(site)));
  return box;
}

function distribution(latency) {
  let isLog = true;
  const said = el("p.said", { "aria-live": "off" });
  const say = (text) => {
    said.textContent = text || "Point at a bar to read it.";
  };
  const holder = el("div");
  const toggle = el("button", { type: "button" });
  const draw = () => {
    toggle.textContent = isLog ? "Counts: logarithmic" : "Counts: linear";
    holder.replaceChildren(histogram(latency, isLog, say));
  };
  toggle.addEventListener("click", () => {
    isLog = !isLog;
    draw();
  });
  draw();
  say("");
  return [el("h4", null, "Latency", toggle), holder, said];
}

function figures(site) {
  const list = el("dl.figures");
  const figure = (name, text) => list.append(el("div", null, el("dt", null, name), el("dd", null, text)));
  const latency = site.latency;
  if (latency) {
    const told = (ns) => (latency.floor && ns < latency.floor ? `<\u00a0${duration(latency.floor)}` : duration(ns));
    figure("min", told(latency.min));
    figure("mean", told(latency.mean));
    for (const key of ["p50", "p90", "p99"]) figure(key, told(latency[key]));
    figure("p99.9", told(latency.p999));
    figure("max", told(latency.max));
    figure("completed", count(latency.count));
  }
  figure("hits", count(site.hits));
  if (site.count_low !== site.count_high) figure("95 % of estimates within", `${count(site.count_low)} to ${count(site.count_high)}`);
  if (site.bytes !== null && site.count > 0) figure("bytes each", bytes(site.bytes / site.count));
  if (site.inlined_into) figure("inlined into", site.inlined_into);
  for (const detail of site.details) {
    figure(detail.what, count(detail.hits) + (detail.bytes === null ? "" : `, ${bytes(detail.bytes)}`));
  }
  return list;
}

function stack(site) {
  const list = el("ol.stack");
  site.stack.forEach((index, position) => {
    const frame = data.frames[index];
    const item = el(`li.${frame.origin}`, null, functionName(frame.function));
    if (frame.inlined) item.append(" ", el("span.tag", null, "inlined"));
    item.append(el("span.place", null, placeText(frame)));
    if (position === site.at) item.classList.add("at");
    list.append(item);
  });
  return list;
}
