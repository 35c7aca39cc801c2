// A microphone and its spectrogram, while one speaks. It asks first; the sound is not kept, and it
// goes nowhere but into this picture. First the arithmetic, that of chapter 01.

const FLOOR = 1e-10; // added to the power before the logarithm

/** Windows of `size` samples: cosines and sines of the first `bins` frequencies, faded at the ends. */
function makeWaves(size, bins) {
  const hann = Array.from({ length: size }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size));
  const norm = Math.sqrt(hann.reduce((sum, w) => sum + w * w, 0));
  return Array.from({ length: bins }, (_, f) => {
    const angle = (n) => (2 * Math.PI * ((f * n) % size)) / size;
    return {
      cos: Float64Array.from(hann, (w, n) => (w / norm) * Math.cos(angle(n))),
      sin: Float64Array.from(hann, (w, n) => (w / norm) * Math.sin(angle(n))),
    };
  });
}

/** The logarithm of the power of a frame at each of the frequencies of some waves. */
function logPower(frame, waves) {
  return waves.map(({ cos, sin }) => {
    let re = 0, im = 0;
    for (let n = 0; n < frame.length; n++) {
      re += frame[n] * cos[n];
      im += frame[n] * sin[n];
    }
    return Math.log(re * re + im * im + FLOOR);
  });
}

/** The log spectrogram of samples, a frame for each step of `stride`. */
function spectrogram(samples, size, stride, bins) {
  const waves = makeWaves(size, bins), frames = [];
  for (let start = 0; start + size <= samples.length; start += stride) {
    frames.push(logPower(samples.slice(start, start + size), waves));
  }
  return frames;
}

// Then what one sees and touches.

const HIGHEST = 8000; // Hz, as in the book
const SECONDS = 4;
const QUIET = -18, LOUD = 0; // the logarithms that are drawn darkest and lightest
const COLOURS = [[12, 7, 40], [82, 30, 110], [180, 60, 90], [245, 140, 60], [252, 250, 190]];

function colour(value) {
  const share = Math.max(0, Math.min(0.9999, (value - QUIET) / (LOUD - QUIET)));
  const at = share * (COLOURS.length - 1), i = Math.floor(at);
  return COLOURS[i].map((c, j) => c + (at - i) * (COLOURS[i + 1][j] - c));
}

function buildMicrophone(place) {
  let running = null;
  const bins = HIGHEST / 50 + 1, columns = 100 * SECONDS; // 20 ms resolve 50 Hz; a frame each 10 ms
  const canvas = make("canvas", {
    width: columns, height: bins, role: "img", "aria-label": "spectrogram of the microphone",
    style: "display: block; width: 100%; height: 14rem; image-rendering: pixelated;" +
      `background: rgb(${colour(QUIET).join()})`,
  });
  const paper = canvas.getContext("2d"), state = make("p", { "aria-live": "polite" });
  const button = make("button", { type: "button", onclick: () => (running ? halt() : begin()) });

  function tell(text) {
    button.textContent = running ? "Stop" : "Use the microphone";
    state.textContent = text;
  }

  function halt() {
    running.stream.getTracks().forEach((track) => track.stop());
    running.context.close();
    running = null;
    tell("The microphone is off.");
  }

  function add(frame) {
    paper.drawImage(canvas, -1, 0);
    const column = paper.createImageData(1, bins);
    frame.forEach((value, f) => column.data.set([...colour(value), 255], 4 * (bins - 1 - f)));
    paper.putImageData(column, columns - 1, 0);
  }

  async function begin() {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      tell(`There is no sound: ${error.message}.`);
      return;
    }
    const context = new AudioContext(), analyser = context.createAnalyser();
    analyser.fftSize = 16384;
    context.createMediaStreamSource(stream).connect(analyser);
    running = { stream, context };
    tell("Listening. Say “see” slowly; whistle; hiss. Which rows light up?");
    const size = Math.round(0.02 * context.sampleRate), stride = Math.round(size / 2);
    const waves = makeWaves(size, bins), latest = new Float32Array(analyser.fftSize);
    let next = Math.round(context.currentTime * context.sampleRate);
    function follow() {
      if (running?.context !== context) return;
      const now = Math.round(context.currentTime * context.sampleRate);
      next = Math.max(next, now - latest.length); // what is older is lost: the page was hidden
      analyser.getFloatTimeDomainData(latest);
      for (; next + size <= now; next += stride) {
        const start = latest.length - (now - next);
        add(logPower(latest.subarray(start, start + size), waves));
      }
      requestAnimationFrame(follow);
    }
    follow();
  }

  place.append(
    make("div", { class: "controls" }, button),
    state,
    canvas,
    make("p", {}, `The last ${SECONDS} seconds, the newest at the right; from 0 Hz at the bottom to `,
      `${HIGHEST} Hz at the top. The sound stays in this page and is not kept.`));
  tell("The browser will ask you first.");
}

if (typeof document === "undefined") {
  module.exports = { spectrogram };
} else {
  start("microphone", buildMicrophone);
}
