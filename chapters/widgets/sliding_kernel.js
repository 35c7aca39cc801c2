// A kernel that slides over a row of numbers, with stride and padding: drag any number.
// First the arithmetic.

/** What the widget begins with. */
function beginning() {
  return { x: [0, 0, 1, 3, 3, 2, -1, -2, 0, 1], w: [-1, 0, 1], stride: 2, padding: 1 };
}

/** The frames of the output: one for each stop of the kernel. */
function outLength(T, K, stride, padding) {
  return Math.max(0, Math.floor((T + 2 * padding - K) / stride) + 1);
}

function pad(x, padding) {
  return [...Array(padding).fill(0), ...x, ...Array(padding).fill(0)];
}

/** out[t], the sum over k of w[k] times the padded x[stride t + k]. */
function convolve(x, w, stride, padding) {
  const padded = pad(x, padding);
  return Array.from({ length: outLength(x.length, w.length, stride, padding) }, (_, t) =>
    w.reduce((sum, weight, k) => sum + weight * padded[stride * t + k], 0));
}

// Then what one sees and touches.

const KERNELS = {
  "difference": [-1, 0, 1],
  "mean of three": [1 / 3, 1 / 3, 1 / 3],
  "the number itself": [0, 1, 0],
  "a bump": [-1, 2, -1],
  "mean of five": [0.2, 0.2, 0.2, 0.2, 0.2],
};
const TOP = 3; // the largest number that one can drag to
const HALF = 34; // half the height of a row of bars

function buildKernel(place) {
  let { x, w, stride, padding } = beginning();
  let now = 0, playing = null;
  const panel = make("svg", { role: "group", "aria-label": "input, kernel and output" });
  const sum = make("p", { "aria-live": "polite" }), counts = make("p");
  const length = () => outLength(x.length, w.length, stride, padding);

  function halt() {
    clearInterval(playing);
    playing = null;
    play.textContent = "Slide";
  }

  const bar = (name, value, left, middle, width, fill, top, change) => numberBar(panel, {
    name, value, left, middle, width, fill, top, change, half: HALF, step: 0.5,
  });

  function draw() {
    now = Math.max(0, Math.min(now, length() - 1));
    const padded = pad(x, padding), out = convolve(x, w, stride, padding), K = w.length;
    const width = Math.max(280, panel.clientWidth), cell = width / padded.length;
    const rows = [HALF + 20, 3 * HALF + 50, 5 * HALF + 80];
    const largest = Math.max(TOP, ...out.map(Math.abs));
    panel.setAttribute("viewBox", `0 0 ${width} ${6 * HALF + 90}`);
    panel.replaceChildren();
    ["input", "kernel", "output"].forEach((label, i) => panel.append(
      make("text", { x: 2, y: rows[i] - HALF - 5, "font-size": 12 },
        i === 0 && padding ? "input, with zeros at its ends" : label)));
    padded.forEach((value, i) => {
      const real = i >= padding && i < padding + x.length;
      panel.append(bar(`input-${i - padding}`, value, i * cell, rows[0], cell, "#a9cbe3", TOP,
        real && ((v) => { x[i - padding] = v; draw(); })));
    });
    slide.querySelector("input").max = Math.max(0, length() - 1);
    slide.querySelector("input").value = now;
    slide.querySelector("output").textContent = now;
    counts.textContent = `${x.length} numbers, ${K} weights, stride ${stride}, padding ${padding}: ` +
      (out.length ? `${out.length} outputs.` : "the kernel is longer than the input: no output.");
    if (!out.length) { sum.textContent = ""; return; }
    const start = stride * now;
    w.forEach((weight, k) => {
      const left = (start + k) * cell;
      panel.append(
        make("rect", {
          x: left, y: rows[0] - HALF - 1, width: cell, height: 2 * HALF + 2, fill: "none",
          stroke: "#b3261e", "stroke-width": 2, style: "pointer-events: none",
        }),
        bar(`weight-${k}`, weight, left, rows[1], cell, "#f0c889", TOP,
          (v) => { w[k] = v; draw(); }));
    });
    out.forEach((value, t) => {
      const left = (stride * t + (K - 1) / 2) * cell;
      if (t <= now) panel.append(bar(`output-${t}`, value, left, rows[2], cell, "#a5cdb0", largest));
      else panel.append(make("rect", {
        x: left + 1, y: rows[2] - HALF, width: cell - 2, height: 2 * HALF, fill: "#ffffff",
        stroke: "#999999", "stroke-dasharray": "3 3",
      }));
    });
    const terms = w.map((weight, k) => `${written(weight)} · ${written(padded[start + k])}`);
    sum.textContent = `Output ${now} = ${terms.join(" + ")} = ${written(out[now])}`;
  }

  const slide = slider("output", 0, length() - 1, 1, now, (value) => { halt(); now = value; draw(); });
  const play = make("button", {
    type: "button",
    onclick: () => {
      if (playing) { halt(); return; }
      if (now >= length() - 1) now = 0;
      play.textContent = "Stop";
      draw();
      playing = setInterval(() => {
        now += 1;
        draw();
        if (now >= length() - 1) halt();
      }, 700);
    },
  }, "Slide");
  const choice = make("select", { onchange: () => { w = [...KERNELS[choice.value]]; draw(); } },
    ...Object.keys(KERNELS).map((name) => make("option", { value: name }, name)));
  place.append(
    make("div", { class: "controls" },
      make("label", {}, "kernel ", choice),
      slider("stride", 1, 3, 1, stride, (value) => { stride = value; draw(); }),
      slider("padding", 0, 2, 1, padding, (value) => { padding = value; draw(); })),
    counts,
    panel,
    sum,
    make("div", { class: "controls" }, play, slide),
    make("p", {}, "Say what comes out next, then slide. Drag the blue and the yellow bars to try ",
      "other numbers and other weights."));
  draw();
  onNewWidth(panel, draw);
}

if (typeof document === "undefined") {
  module.exports = { beginning, outLength, convolve };
} else {
  start("sliding_kernel", buildKernel);
}
