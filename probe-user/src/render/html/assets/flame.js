// Stacks as nested bars, the outermost function on top; as wide as what is chosen.

const FLAME_ROW = 22;
// Narrower frames than this share of the whole can't be seen, and there may be very many.
const FLAME_LEAST = 0.0008;

const WEIGHTS = {
  time: { name: "time", write: duration, of: (site) => site.latency?.sum ?? 0 },
  count: { name: "count", write: count, of: (site) => site.count },
  bytes: { name: "bytes allocated", write: bytes, of: (site) => site.bytes ?? 0 },
};

const newNode = (name, kind, frame) => ({ name, kind, frame, value: 0, children: new Map(), parent: null });

function addStack(root, frames, value) {
  let node = root;
  node.value += value;
  for (const [key, name, kind, frame] of frames) {
    let child = node.children.get(key);
    if (!child) {
      child = newNode(name, kind, frame);
      child.parent = node;
      node.children.set(key, child);
    }
    child.value += value;
    node = child;
  }
}

function outermostFirst(indices) {
  return indices.map((index) => [index, data.frames[index].function, data.frames[index].origin, data.frames[index]]).reverse();
}

function flameOf(weight, probe) {
  const root = newNode("all", "root");
  if (weight === "goroutines") {
    for (const group of data.goroutines) addStack(root, outermostFirst(group.stack), group.count);
    return root;
  }
  for (const site of data.sites) {
    const value = WEIGHTS[weight].of(site);
    if (value <= 0 || (probe && site.probe !== probe)) continue;
    addStack(root, [[`probe ${site.probe}`, site.probe, "probe"], ...outermostFirst(site.stack)], value);
  }
  return root;
}

function setUpFlame() {
  const graph = byId("flame-graph");
  const said = byId("flame-said");
  const weight = byId("flame-weight");
  const probe = byId("flame-probe");
  const write = () => (weight.value === "goroutines" ? count : WEIGHTS[weight.value].write);
  let whole = null;
  let top = null;

  function describe(node) {
    const parts = [`${write()(node.value)}, ${share(node.value / whole.value)} of the whole`];
    if (top !== whole && node !== top) parts.push(`${share(node.value / top.value)} of what is shown`);
    const place = node.frame ? ` ${placeText(node.frame)}` : "";
    said.replaceChildren(functionName(node.name), el("span.place", null, place), el("br"), parts.join(" · "));
  }

  function bar(node, left, width, depth) {
    const button = el(`button.${node.kind}`, { type: "button", role: "treeitem", tabindex: "-1", "aria-level": depth + 1, title: node.name });
    button.textContent = shortName(node);
    button.style.left = `${left * 100}%`;
    button.style.width = `${width * 100}%`;
    button.style.top = `${depth * FLAME_ROW}px`;
    button.addEventListener("click", () => zoom(node === top && node.parent ? node.parent : node));
    button.addEventListener("pointerenter", () => describe(node));
    button.addEventListener("focus", () => describe(node));
    button.addEventListener("keydown", (event) => move(event, node));
    node.button = button;
    graph.append(button);
  }

  function shortName(node) {
    const end = node.name.split(/[[(]/, 1)[0].lastIndexOf("/") + 1;
    return node.name.slice(end);
  }

  const byWeight = (node) => [...node.children.values()].sort((a, b) => b.value - a.value);

  function draw() {
    graph.replaceChildren();
    const above = [];
    for (let node = top.parent; node; node = node.parent) above.unshift(node);
    above.forEach((node, depth) => {
      bar(node, 0, 1, depth);
      node.button.classList.add("dim");
    });
    let deepest = above.length;
    const place = (node, left, depth) => {
      deepest = Math.max(deepest, depth);
      bar(node, left, node.value / top.value, depth);
      for (const child of byWeight(node)) {
        const width = child.value / top.value;
        if (width < FLAME_LEAST) {
          child.button = null;
          continue;
        }
        place(child, left, depth + 1);
        left += width;
      }
    };
    place(top, 0, above.length);
    graph.style.height = `${(deepest + 1) * FLAME_ROW}px`;
    top.button.tabIndex = 0;
  }

  function zoom(node) {
    top = node;
    draw();
    top.button.focus({ preventScroll: true });
    describe(node);
  }

  // Arrow keys walk through the tree; Escape shows the whole.
  function move(event, node) {
    const siblings = node.parent ? byWeight(node.parent).filter((sibling) => sibling.button) : [node];
    const at = siblings.indexOf(node);
    const next = {
      ArrowUp: node.parent,
      ArrowDown: byWeight(node).find((child) => child.button),
      ArrowLeft: siblings[at - 1],
      ArrowRight: siblings[at + 1],
    }[event.key];
    if (event.key === "Escape") zoom(whole);
    else if (next?.button?.isConnected) next.button.focus();
    else return;
    event.preventDefault();
  }

  function build() {
    probe.disabled = weight.value === "goroutines";
    whole = flameOf(weight.value, probe.value);
    top = whole;
    if (whole.value > 0) {
      draw();
      said.textContent = "Point at a bar or walk with the arrow keys to read it; click or Enter makes it the whole width, Escape shows all.";
    } else {
      graph.replaceChildren(el("p.note", null, "Nothing of this was recorded."));
      graph.style.height = "auto";
      said.textContent = "";
    }
  }

  for (const [key, { name, of }] of Object.entries(WEIGHTS)) {
    if (data.sites.some((site) => of(site) > 0)) weight.append(el("option", { value: key }, name));
  }
  if (data.goroutines.length) weight.append(el("option", { value: "goroutines" }, "goroutines at the end"));
  probe.append(el("option", { value: "" }, "all probes"));
  for (const name of new Set(data.sites.map((site) => site.probe))) probe.append(el("option", { value: name }, name));
  weight.addEventListener("change", build);
  probe.addEventListener("change", build);
  byId("flame-reset").addEventListener("click", () => zoom(whole));
  if (weight.options.length) build();
  else byId("flame").hidden = true;
}

if (byId("flame")) setUpFlame();
