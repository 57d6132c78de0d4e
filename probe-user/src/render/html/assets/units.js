// The numbers of the page, written as the report writes them: three digits and a unit.

const DECIMAL = [[1, ""], [1e3, "k"], [1e6, "M"], [1e9, "G"], [1e12, "T"]];
const TIME = [[1, "\u00a0ns"], [1e3, "\u00a0µs"], [1e6, "\u00a0ms"], [1e9, "\u00a0s"], [6e10, "\u00a0min"], [3.6e12, "\u00a0h"]];
const BYTES = [[1, "\u00a0B"], [1e3, "\u00a0kB"], [1e6, "\u00a0MB"], [1e9, "\u00a0GB"], [1e12, "\u00a0TB"]];

function threeDigits(value) {
  const magnitude = Math.abs(value);
  if (magnitude >= 99.95) return value.toFixed(0);
  if (magnitude >= 9.995) return value.toFixed(1);
  if (magnitude >= 0.995) return value.toFixed(2);
  return magnitude >= 0.0005 ? value.toFixed(3) : "<\u00a00.001";
}

function scaled(value, units) {
  let text = "";
  for (let i = 0; i < units.length; i++) {
    const [factor, unit] = units[i];
    const inUnit = value / factor;
    text = (i === 0 && Number.isInteger(inUnit) ? inUnit.toFixed(0) : threeDigits(inUnit)) + unit;
    const next = i + 1 < units.length ? units[i + 1][0] / factor : Infinity;
    if (Math.abs(inUnit) < Math.min(next, 999.5)) break;
  }
  return text;
}

const duration = (ns) => scaled(ns, TIME);
const bytes = (n) => scaled(n, BYTES);
const count = (n) => (n < 10000 ? String(n) : scaled(n, DECIMAL));

function share(part) {
  const percent = part * 100;
  if (percent > 0 && percent < 0.1) return "<\u00a00.1\u00a0%";
  const isWhole = Math.round(percent * 10) % 10 === 0;
  return percent.toFixed(isWhole || percent >= 9.95 ? 0 : 1) + "\u00a0%";
}

// A power of ten on an axis.
function decade(ns) {
  const [divisor, unit] = ns < 1e3 ? [1, "ns"] : ns < 1e6 ? [1e3, "µs"] : ns < 1e9 ? [1e6, "ms"] : [1e9, "s"];
  return `${Math.round(ns / divisor)}\u00a0${unit}`;
}
