// Elements and what is in them. Text from the report becomes text and nothing else.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

// el("p.note", {title: "…"}, child, "text", …)
function el(name, attributes, ...children) {
  const [tag, ...classes] = name.split(".");
  return fill(document.createElement(tag), classes, attributes, children);
}

function svg(name, attributes, ...children) {
  const [tag, ...classes] = name.split(".");
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), classes, attributes, children);
}

function fill(element, classes, attributes, children) {
  element.classList.add(...classes);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// The path of the package, which many functions have in common, stands back.
function functionName(text) {
  const head = text.split(/[[(]/, 1)[0];
  const end = head.lastIndexOf("/") + 1;
  const name = el("span.fn");
  if (end > 0) name.append(el("span.path", null, text.slice(0, end)));
  name.append(text.slice(end));
  return name;
}

const placeText = (frame) => (frame.line ? `${frame.file}:${frame.line}` : frame.file);
