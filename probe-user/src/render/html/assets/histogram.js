// The distribution of one call site, large, on a logarithmic axis of time.

const PER_OCTAVE = 8;
const CHART = { width: 720, height: 200, left: 44, right: 12, top: 26, bottom: 22 };

// Returns [bin, count] pairs, ascending.
function pairs(bins) {
  const all = [];
  for (let i = 0; i + 1 < bins.length; i += 2) all.push([bins[i], bins[i + 1]]);
  return all;
}

const binStart = (bin) => 2 ** (bin / PER_OCTAVE);

function histogram(latency, isLog, say) {
  const bins = pairs(latency.bins);
  const low = bins[0][0] - 2;
  const high = Math.max(bins[bins.length - 1][0] + 3, low + 27);
  const plotWidth = CHART.width - CHART.left - CHART.right;
  const base = CHART.height - CHART.bottom;
  const plotHeight = base - CHART.top;
  const step = plotWidth / (high - low);
  const highest = bins.reduce((most, [, n]) => Math.max(most, n), 1);
  const level = isLog ? (n) => Math.log(1 + n) / Math.log(1 + highest) : (n) => n / highest;
  const x = (ns) => CHART.left + Math.min(1, Math.max(0, (Math.log2(Math.max(ns, 1)) * PER_OCTAVE - low) / (high - low))) * plotWidth;

  const chart = svg("svg.chart", { viewBox: `0 0 ${CHART.width} ${CHART.height}`, role: "img", "aria-label": `distribution of ${count(latency.count)} latencies from ${duration(latency.min)} to ${duration(latency.max)}` });
  if (latency.floor && x(latency.floor) > CHART.left) {
    chart.append(svg("rect.below", { x: CHART.left, y: CHART.top, width: x(latency.floor) - CHART.left, height: plotHeight }));
  }
  for (let ns = 1; ns < 1e19; ns *= 10) {
    const bin = Math.log2(ns) * PER_OCTAVE;
    if (bin < low || bin > high) continue;
    chart.append(
      svg("line.grid", { x1: x(ns), x2: x(ns), y1: CHART.top, y2: base }),
      svg("text", { x: x(ns), y: base + 15, "text-anchor": "middle" }, decade(ns)),
    );
  }
  for (const n of levels(highest, isLog)) {
    const y = base - level(n) * plotHeight;
    chart.append(
      svg("line.grid", { x1: CHART.left, x2: CHART.width - CHART.right, y1: y, y2: y }),
      svg("text", { x: CHART.left - 6, y: y + 4, "text-anchor": "end" }, count(n)),
    );
  }
  for (const [bin, n] of bins) {
    const height = Math.max(1.5, level(n) * plotHeight);
    const bar = svg("rect.bar", { x: CHART.left + (bin - low) * step, y: base - height, width: Math.max(0.5, step - 0.5), height });
    bar.addEventListener("pointerenter", () => {
      bar.classList.add("hot");
      say(`${duration(Math.round(binStart(bin)))} to ${duration(Math.round(binStart(bin + 1)))}: ${count(n)} operations, ${share(n / latency.count)}`);
    });
    bar.addEventListener("pointerleave", () => {
      bar.classList.remove("hot");
      say("");
    });
    chart.append(bar);
  }
  mark(chart, latency, x, base);
  return chart;
}

// Counts that the axis names.
function levels(highest, isLog) {
  if (!isLog) return highest < 2 ? [highest] : [Math.round(highest / 2), highest];
  const all = [];
  for (let n = 10; n < highest / 3; n *= 10) all.push(n);
  if (all.length > 3) return [all[0], all[all.length >> 1], highest];
  return [...all, highest];
}

// Quantiles whose labels would run into each other are named on the next line, at most two.
function mark(chart, latency, x, base) {
  let row = 0;
  let lastEnd = [-1, -1];
  for (const [name, ns] of [["p50", latency.p50], ["p90", latency.p90], ["p99", latency.p99], ["max", latency.max]]) {
    const at = x(ns);
    const isLate = at > CHART.width - 40;
    const begin = isLate ? at - 30 : at - 12;
    row = begin > lastEnd[0] ? 0 : 1;
    chart.append(svg("line.mark", { x1: at, x2: at, y1: CHART.top - 4, y2: base }));
    if (begin > lastEnd[row]) {
      chart.append(svg("text.mark-label", { x: at, y: row ? CHART.top - 6 : CHART.top - 17, "text-anchor": isLate ? "end" : "middle" }, name));
      lastEnd[row] = begin + 30;
    }
  }
}
