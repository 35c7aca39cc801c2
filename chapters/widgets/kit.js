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

/** A number with two digits at most, and a minus that is as wide as a plus. */
const written = (value) => String(Math.round(100 * value) / 100).replace("-", "\u2212");

/** A labelled slider; `change` receives its number. */
function slider(label, min, max, step, value, change) {
  const output = make("output", {}, written(value));
  const input = make("input", {
    type: "range", min, max, step, value,
    oninput: () => { output.textContent = written(input.value); change(Number(input.value)); },
  });
  return make("label", {}, `${label} `, input, " ", output);
}

/** A handler of "pointerdown": `move` receives this event and all until the pointer is let go. */
function dragging(move) {
  return (event) => {
    event.preventDefault();
    const stop = () => {
      window.removeEventListener("pointermove", move);
      for (const end of ["pointerup", "pointercancel"]) window.removeEventListener(end, stop);
    };
    window.addEventListener("pointermove", move);
    for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, stop);
    move(event);
  };
}

/**
 * A number between -top and top as a bar from the line in the middle of its box, in a panel.
 *
 * If there is a `change`, one may drag it by steps, and it receives the new number.
 */
function numberBar(panel, bar) {
  const { name, value, left, middle, width, half, top, step, fill, change } = bar;
  const height = (Math.min(Math.abs(value), top) / top) * half, up = value >= 0;
  const set = (wanted) => change(Math.max(-top, Math.min(top, Math.round(wanted / step) * step)));
  const touch = change ? {
    tabindex: 0, role: "slider", "aria-label": name.replace("-", " "),
    "aria-valuemin": -top, "aria-valuemax": top, "aria-valuenow": value,
    style: "touch-action: none; cursor: ns-resize",
    onpointerdown: dragging((event) => {
      set((top * (middle - event.clientY + panel.getBoundingClientRect().top)) / half);
    }),
    onkeydown: (event) => {
      const move = { ArrowUp: step, ArrowDown: -step }[event.key];
      if (!move) return;
      event.preventDefault();
      set(value + move);
      panel.querySelector(`[data-name=${name}]`).focus();
    },
  } : {};
  return make("g", { "data-name": name, ...touch },
    make("rect", {
      x: left + 1, y: middle - half, width: width - 2, height: 2 * half, fill: "#ffffff",
      stroke: "#dddddd",
    }),
    make("rect", { x: left + 2, y: up ? middle - height : middle, width: width - 4, height, fill }),
    make("text", {
      x: left + width / 2, y: middle + (up ? 13 : -4), "text-anchor": "middle", "font-size": 11,
    }, written(value)));
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

/**
 * Start a widget wherever its still picture stands: `build` receives an empty element to fill, and
 * one with what stood there.
 */
function start(name, build) {
  for (const figure of document.querySelectorAll(`figure[data-widget="${name}"]`)) {
    if (figure.dataset.started) continue;
    figure.dataset.started = "yes";
    const place = make("div", { class: "ds2np-widget" });
    const still = make("div", {}, ...figure.childNodes);
    figure.append(make("style", {}, STYLE), place);
    build(place, still);
  }
}
