"use strict";
// What all widgets share: elements, sliders, and the start in every place that waits for a widget.

const SVG = "http://www.w3.org/2000/svg"; // a name, not an address: nothing is loaded
const STYLE = `
.ds2np-widget { max-width: 45rem; margin: 1em 0; padding: 0.6em; border-radius: 3px;
  background: #ffffff; color: #222222; font: 15px/1.45 system-ui, sans-serif; }
.ds2np-widget .controls { display: flex; flex-wrap: wrap; gap: 0.4em 1em; align-items: center; }
.ds2np-widget :is(button, input, select) { font: inherit; color: inherit; accent-color: #1f5f8b; }
.ds2np-widget input[type=text] { width: 6em; border: 1px solid #767676; border-radius: 3px;
  background: #ffffff; padding: 0.1em 0.4em; }
.ds2np-widget button { border: 1px solid #767676; border-radius: 3px; background: #f3f3ee;
  padding: 0.15em 0.7em; cursor: pointer; }
.ds2np-widget svg { display: block; width: 100%; overflow: visible; user-select: none; }
.ds2np-widget svg text { font-family: system-ui, sans-serif; fill: #222222; }
.ds2np-widget svg text.over { paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }
.ds2np-widget p { margin: 0.4em 0; max-width: none; }
.ds2np-widget [tabindex]:focus-visible { outline: 2px solid #b3261e; }
`;

/** Make an element; a name that starts with "on" is an event, children are elements or texts. */
function make(tag, attributes = {}, ...children) {
  const shapes = ["svg", "g", "rect", "line", "circle", "text", "path", "title"];
  const element = shapes.includes(tag)
    ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** A labelled slider; `change` receives its number. */
function slider(label, min, max, step, value, change) {
  const output = make("output", {}, String(value));
  const input = make("input", {
    type: "range", min, max, step, value,
    oninput: () => { output.textContent = input.value; change(Number(input.value)); },
  });
  return make("label", {}, `${label} `, input, " ", output);
}

/** Call `draw` whenever the width of an element has changed, after the browser's layout. */
function onNewWidth(element, draw) {
  let width = element.clientWidth;
  new ResizeObserver(() => {
    if (width === element.clientWidth) return;
    width = element.clientWidth;
    requestAnimationFrame(draw);
  }).observe(element);
}

/** Start a widget wherever its still picture stands: `build` fills an empty element. */
function start(name, build) {
  for (const figure of document.querySelectorAll(`figure[data-widget="${name}"]`)) {
    if (figure.dataset.started) continue;
    figure.dataset.started = "yes";
    const place = make("div", { class: "ds2np-widget" });
    figure.replaceChildren(make("style", {}, STYLE), place);
    build(place);
  }
}
