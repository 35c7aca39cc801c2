// One unit of a GRU over a few frames: drag its input and its weights, see the gates and the state.
// First the arithmetic, as in the paper: z selects the candidate.

/** What the widget begins with: a gate that opens where the input is high. */
function beginning() {
  return { x: [0, 1, 0, 0, 0, -1, 0, 0.5, 0, 0], weights: PRESETS["a latch: it holds what it let in"] };
}

const PRESETS = {
  "a latch: it holds what it let in": { wz: 8, bz: -4, wr: 0, br: 4, wc: 2, uc: 0 },
  "a running mean": { wz: 0, bz: -1.5, wr: 0, br: 4, wc: 2, uc: 0 },
  "no memory: the gate is open": { wz: 0, bz: 6, wr: 0, br: 4, wc: 2, uc: 0 },
  "a plain recurrence: open, and fed back": { wz: 0, bz: 6, wr: 0, br: 4, wc: 2, uc: 1.5 },
  "fed back, but reset by a high input": { wz: 0, bz: 6, wr: -8, br: 4, wc: 0.5, uc: 1.5 },
};

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/**
 * The gates z and r, the candidate c and the state h of each frame, from h = 0 before the first.
 *
 * The gates look at the input only: z = sigma(wz x + bz), r = sigma(wr x + br).
 */
function gru(x, { wz, bz, wr, br, wc, uc }) {
  let h = 0;
  return x.map((input) => {
    const z = sigmoid(wz * input + bz), r = sigmoid(wr * input + br);
    const c = Math.tanh(wc * input + r * uc * h);
    h = (1 - z) * h + z * c;
    return { z, r, c, h };
  });
}

// Then what one sees and touches.

const HALF_ROW = 24;
const ROWS = [
  ["x", "the input x", "#a9cbe3"],
  ["z", "the update gate z: how much of the state is replaced", "#f0c889"],
  ["r", "the reset gate r: how much old state c sees", "#d9c7e8"],
  ["c", "the candidate c", "#cccccc"],
  ["h", "the state h", "#a5cdb0"],
];
const WEIGHTS = {
  wz: "z: weight of x", bz: "z: bias", wr: "r: weight of x", br: "r: bias",
  wc: "c: weight of x", uc: "c: weight of the state",
};

function buildGate(place) {
  let { x, weights } = beginning();
  weights = { ...weights };
  let now = 1;
  const panel = make("svg", { role: "group", "aria-label": "input, gates, candidate and state" });
  const sum = make("p", { "aria-live": "polite" });

  function draw() {
    const frames = gru(x, weights), width = Math.max(280, panel.clientWidth);
    const cell = width / x.length, height = 2 * HALF_ROW + 24;
    panel.setAttribute("viewBox", `0 0 ${width} ${ROWS.length * height}`);
    panel.replaceChildren();
    ROWS.forEach(([name, label, fill], i) => {
      const middle = i * height + HALF_ROW + 18;
      panel.append(make("text", { x: 2, y: middle - HALF_ROW - 5, "font-size": 12 }, label));
      x.forEach((input, t) => {
        const gate = name === "z" || name === "r", value = name === "x" ? input : frames[t][name];
        const bar = numberBar(panel, {
          name: `${name}-${t}`, value, left: t * cell, width: cell, fill, step: 0.25,
          middle: gate ? middle + HALF_ROW : middle, half: gate ? 2 * HALF_ROW : HALF_ROW, top: 1,
          change: name === "x" && ((v) => { x[t] = v; now = t; draw(); }),
        });
        if (gate) {
          // From 0 to 1 only: the box is as high as the others, the number stands in it.
          const [box, , text] = bar.children;
          box.setAttribute("y", middle - HALF_ROW);
          box.setAttribute("height", 2 * HALF_ROW);
          text.setAttribute("y", middle + HALF_ROW - 5);
        }
        bar.addEventListener("pointerenter", () => { now = t; tell(frames); });
        panel.append(bar);
      });
    });
    tell(frames);
  }

  function tell(frames) {
    const { z, c, h } = frames[now], old = now ? frames[now - 1].h : 0;
    sum.textContent = `Frame ${now}: h = (1 − z) · old h + z · c = ${written(1 - z)} · ` +
      `${written(old)} + ${written(z)} · ${written(c)} = ${written(h)}`;
  }

  const sliders = make("div", { class: "controls" });
  function showSliders() {
    sliders.replaceChildren(...Object.entries(WEIGHTS).map(([name, label]) =>
      slider(label, -8, 8, 0.5, weights[name], (value) => { weights[name] = value; draw(); })));
  }
  const choice = make("select", {
    onchange: () => { weights = { ...PRESETS[choice.value] }; showSliders(); draw(); },
  }, ...Object.keys(PRESETS).map((name) => make("option", { value: name }, name)));
  showSliders();
  place.append(
    make("div", { class: "controls" }, make("label", {}, "weights ", choice)),
    panel,
    sum,
    make("p", {}, "Say what the state will do, then drag the input, the blue bars, or a weight."),
    sliders);
  draw();
  onNewWidth(panel, draw);
}

if (typeof document === "undefined") {
  module.exports = { beginning, gru };
} else {
  start("gru_gate", buildGate);
}
