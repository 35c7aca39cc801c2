// The lattice of CTC: type a word, drag probabilities, see alpha, beta, gamma and the loss.
// First the arithmetic, in plain probabilities: with a dozen frames none is too small.

const BLANK = 0;

/** The states of a transcript: a blank before, between and after its labels. */
function expand(labels) {
  return [BLANK, ...labels.flatMap((label) => [label, BLANK])];
}

/** Whether state s may be entered from s - 2: over a blank, between different labels. */
function maySkip(states, s) {
  return s >= 2 && states[s] !== BLANK && states[s] !== states[s - 2];
}

/** The states from which one may come to s: itself, the one before, perhaps the one before that. */
function waysInto(states, s) {
  return [s, s - 1, s - 2].filter((from, jump) => from >= 0 && (jump < 2 || maySkip(states, s)));
}

const zeros = (rows, columns) => Array.from({ length: rows }, () => Array(columns).fill(0));

/** alpha[t][s]: the sum of all paths from the start into s at t, y[t] of s included. */
function forward(y, states) {
  const alpha = zeros(y.length, states.length);
  y.forEach((row, t) => states.forEach((symbol, s) => {
    const before = t === 0
      ? Number(s <= 1)
      : waysInto(states, s).reduce((sum, from) => sum + alpha[t - 1][from], 0);
    alpha[t][s] = before * row[symbol];
  }));
  return alpha;
}

/** beta[t][s]: the sum of all paths from s at t to the end, y[t] of s not included. */
function backward(y, states) {
  const T = y.length, S = states.length, beta = zeros(T, S);
  for (let s = Math.max(0, S - 2); s < S; s++) beta[T - 1][s] = 1;
  for (let t = T - 2; t >= 0; t--) {
    states.forEach((symbol, to) => {
      for (const s of waysInto(states, to)) beta[t][s] += y[t + 1][symbol] * beta[t + 1][to];
    });
  }
  return beta;
}

/**
 * All that the lattice says about probabilities y (T x V) and labels.
 *
 * gamma[t][s] is the share of the paths through s at t, allowed[t][k] its sum over the states of
 * symbol k; the gradient of the loss with respect to the logits is y - allowed. Where no path
 * reads the labels, the loss is infinite, and gamma and the gradient are 0.
 */
function solve(y, labels) {
  const states = expand(labels), S = states.length, V = y[0].length;
  const alpha = forward(y, states), beta = backward(y, states);
  const p = alpha.at(-1)[S - 1] + (S > 1 ? alpha.at(-1)[S - 2] : 0);
  const gamma = alpha.map((row, t) => row.map((a, s) => (p > 0 ? (a * beta[t][s]) / p : 0)));
  const allowed = zeros(y.length, V);
  gamma.forEach((row, t) => row.forEach((g, s) => { allowed[t][states[s]] += g; }));
  const gradient = y.map((row, t) => row.map((value, k) => (p > 0 ? value - allowed[t][k] : 0)));
  return { states, alpha, beta, gamma, allowed, gradient, p, loss: p > 0 ? -Math.log(p) : Infinity };
}

/** The share of the paths that step from state `from` at t - 1 to state `to` at t. */
function flow(y, { states, alpha, beta, p }, t, from, to) {
  return p > 0 ? (alpha[t - 1][from] * y[t][states[to]] * beta[t][to]) / p : 0;
}

/** A frame in which symbol k has a new probability; the others keep their ratios. */
function withProbability(row, k, value) {
  const rest = row.reduce((sum, other, j) => (j === k ? sum : sum + other), 0);
  return row.map((other, j) => {
    if (j === k) return value;
    return rest > 0 ? (other * (1 - value)) / rest : (1 - value) / (row.length - 1);
  });
}

function softmax(logits) {
  const top = Math.max(...logits), e = logits.map((a) => Math.exp(a - top));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((a) => a / sum);
}

/** One step of gradient descent on the logits of all frames. */
function descend(y, gradient, rate) {
  return y.map((row, t) => softmax(row.map((value, k) => Math.log(value) - rate * gradient[t][k])));
}

/** What the most probable symbol of each frame reads: repeats merged, blanks dropped. */
function readBestPath(y) {
  const best = y.map((row) => row.indexOf(Math.max(...row)));
  return best.filter((symbol, t) => symbol !== BLANK && symbol !== best[t - 1]);
}

/** A network that has a vague idea where each label is. */
function vague(T, V, labels) {
  return Array.from({ length: T }, (_, t) => {
    const logits = Array(V).fill(0);
    labels.forEach((label, i) => {
      const centre = ((i + 0.5) * T) / labels.length - 0.5;
      logits[label] = Math.max(logits[label], 2 - Math.abs(t - centre));
    });
    return softmax(logits);
  });
}

// Then what one sees and touches.

const LEAST = 1e-4; // no probability becomes 0 by dragging, or it could never grow again
const KINDS = {
  alpha: ["α", "all paths from the start to here"],
  beta: ["β", "all paths from here to the end"],
  gamma: ["γ", "the share of all paths that pass here"],
};

function short(value) {
  if (value === 0) return "0";
  return value >= 0.00995 ? value.toFixed(2) : value.toExponential(0).replace("e-", "e−");
}

function buildLattice(place) {
  let T = 8, word = "cat", kind = "gamma", seen = null, letters, labels, y;
  const panel = make("svg", { role: "group", "aria-label": "probabilities and lattice" });
  const verdict = make("p", { "aria-live": "polite" }), detail = make("p");

  function reset(begin) {
    letters = ["–", ...new Set(word)];
    labels = [...word].map((letter) => letters.indexOf(letter));
    y = begin === "uniform"
      ? Array.from({ length: T }, () => Array(letters.length).fill(1 / letters.length))
      : vague(T, letters.length, labels);
    seen = null;
    draw();
  }

  function set(t, k, value) {
    y[t] = withProbability(y[t], k, Math.min(1 - LEAST * letters.length, Math.max(LEAST, value)));
    draw();
  }

  function bar(t, k, x, top, width, allowed) {
    const value = y[t][k], inner = width - 4;
    const at = (event) => {
      const box = panel.getBoundingClientRect();
      set(t, k, (event.clientX - box.left - x) / inner);
    };
    const step = { ArrowRight: 0.05, ArrowUp: 0.05, ArrowLeft: -0.05, ArrowDown: -0.05 };
    return make("g", {
      "data-name": `bar-${t}-${k}`, tabindex: 0, role: "slider", "aria-valuemin": 0, "aria-valuemax": 100,
      "aria-valuenow": Math.round(100 * value), "aria-label": `${letters[k]} in frame ${t + 1}`,
      style: "touch-action: pan-y; cursor: ew-resize",
      onpointerdown: dragging(at),
      onkeydown: (event) => {
        if (!(event.key in step)) return;
        event.preventDefault();
        set(t, k, y[t][k] + step[event.key]);
        panel.querySelector(`[data-name=bar-${t}-${k}]`).focus();
      },
    },
    make("rect", { x, y: top, width: inner, height: 22, fill: "#ffffff", stroke: "#bbbbbb" }),
    make("rect", { x, y: top, width: inner * value, height: 22, fill: "#a9cbe3" }),
    make("line", {
      x1: x + inner * allowed, x2: x + inner * allowed, y1: top - 1, y2: top + 23,
      stroke: "#b3261e", "stroke-width": 2,
    }),
    make("text", { x: x + inner / 2, y: top + 15, "text-anchor": "middle", "font-size": 10 },
      short(value)));
  }

  function node(values, solved, t, s, x, top) {
    const column = Math.max(...values[t]), value = values[t][s];
    const share = column > 0 ? value / column : 0;
    const show = () => { seen = [t, s]; tell(solved); };
    return make("g", { onpointerenter: show, onclick: show },
      make("circle", {
        cx: x, cy: top, r: 9, stroke: solved.states[s] === BLANK ? "#555555" : "#222222",
        "stroke-width": solved.states[s] === BLANK ? 1 : 2,
        fill: `rgb(${[31, 95, 139].map((c) => Math.round(255 - (255 - c) * share)).join()})`,
      }),
      make("text", { x, y: top + 20, "text-anchor": "middle", "font-size": 9.5, class: "over" }, short(value)));
  }

  function tell(solved) {
    const reads = readBestPath(y).map((k) => letters[k]).join("");
    verdict.textContent = solved.p > 0
      ? `p(${word} | x) = ${solved.p.toPrecision(3)}, loss = ${solved.loss.toFixed(3)}. ` +
        `The most probable symbols read “${reads}”.`
      : `No path of ${T} frames reads “${word}”: the loss is infinite.`;
    const [t, s] = seen ?? [0, 0];
    const values = Object.entries(KINDS).map(([name, [sign, meaning]]) =>
      `${sign} = ${solved[name][t][s].toPrecision(3)} (${meaning})`);
    detail.textContent = seen
      ? `Frame ${t}, state ${s} “${letters[solved.states[s]]}”: ${values.join(", ")}.`
      : "Point at a state of the lattice to read its three numbers.";
  }

  function draw() {
    const solved = solve(y, labels), values = solved[kind], S = solved.states.length;
    const width = Math.max(280, panel.clientWidth), left = 22, cell = (width - left) / T;
    const rows = letters.length, barTop = 18, top = barTop + 27 * rows + 30, gap = 36;
    const x = (t) => left + (t + 0.5) * cell, row = (s) => top + gap * s;
    panel.setAttribute("viewBox", `0 0 ${width} ${row(S - 1) + 26}`);
    panel.replaceChildren();
    for (let t = 0; t < T; t++) {
      panel.append(make("text", { x: x(t), y: 11, "text-anchor": "middle", "font-size": 11 },
        t === 0 ? "t = 1" : String(t + 1)));
      letters.forEach((_, k) => panel.append(
        bar(t, k, left + t * cell + 2, barTop + 27 * k, cell, solved.allowed[t][k])));
    }
    letters.forEach((letter, k) => panel.append(
      make("text", { x: 2, y: barTop + 27 * k + 16, "font-size": 14 }, letter)));
    solved.states.forEach((symbol, to) => {
      panel.append(make("text", {
        x: 2, y: row(to) + 5, "font-size": 14, "font-weight": symbol === BLANK ? 400 : 700,
      }, letters[symbol]));
      for (let t = 1; t < T; t++) {
        for (const from of waysInto(solved.states, to)) {
          const share = flow(y, solved, t, from, to);
          panel.append(make("line", {
            x1: x(t - 1), y1: row(from), x2: x(t), y2: row(to),
            stroke: share > 0.005 ? "#1f5f8b" : "#dddddd", "stroke-width": 0.8 + 6 * share,
          }));
        }
      }
    });
    values.forEach((_, t) => solved.states.forEach((_, s) =>
      panel.append(node(values, solved, t, s, x(t), row(s)))));
    tell(solved);
  }

  const input = make("input", {
    type: "text", value: word, maxlength: 5, spellcheck: "false", autocapitalize: "off",
    oninput: () => {
      const typed = input.value.toLowerCase().replace(/[^a-z]/g, "");
      if (typed) { word = typed; reset(); }
    },
  });
  const choice = make("select", { onchange: () => { kind = choice.value; draw(); } },
    ...Object.entries(KINDS).map(([name, [sign, meaning]]) =>
      make("option", { value: name }, `${sign}: ${meaning}`)));
  choice.value = kind;
  place.append(
    make("div", { class: "controls" },
      make("label", {}, "word ", input),
      slider("frames", 2, 12, 1, T, (value) => { T = value; reset(); }),
      make("label", {}, "the lattice shows ", choice)),
    verdict,
    panel,
    make("p", {}, "Above: drag a blue bar, what the network says, y. The red line is what the text ",
      "allows, the sum of γ over the states of the symbol; the gradient is their difference. ",
      "Below: the lattice. A thick line carries many of the paths that read the word."),
    detail,
    make("div", { class: "controls" },
      make("button", {
        type: "button",
        onclick: () => { y = descend(y, solve(y, labels).gradient, 1); draw(); },
      }, "One step down the gradient"),
      make("button", { type: "button", onclick: () => reset("uniform") }, "All alike"),
      make("button", { type: "button", onclick: () => reset() }, "Start again")),
  );
  reset();
  onNewWidth(panel, draw);
}

if (typeof document === "undefined") {
  module.exports = { solve, waysInto, flow, withProbability, descend, readBestPath, vague };
} else {
  start("ctc_lattice", buildLattice);
}
