// The page of the server: the microphone's sound goes out by a WebSocket, text comes back.

const $ = (id) => document.getElementById(id);
const SECONDS = 6; // that the pictures show
const FLOOR = -100, TOP = -25; // decibels that are drawn darkest and lightest
const COLOURS = [[12, 7, 40], [82, 30, 110], [180, 60, 90], [245, 140, 60], [252, 250, 190]];
let about = {}, running = null;

function say(text) {
  $("message").textContent = text;
}

/** What the server tells about its network. */
async function introduce() {
  about = await (await fetch("page/about.json")).json();
  $("key-line").hidden = !about.key;
  if (about.teach) $("stored").textContent = "Nothing is stored but what you teach it, see below.";
  $("streaming").hidden = !about.streams;
  if (!navigator.mediaDevices?.getUserMedia) {
    $("microphone").disabled = true;
    say("Browsers give the microphone to pages of this machine or of https only: choose a file.");
  } else if (!about.streams) say("This network needs whole utterances: speak, and pause.");
  if (about.vocabulary.length) {
    $("knows").append(` The network is small: it knows the ${about.vocabulary.length} words that it` +
      " has heard in training, in sentences like those below, and writes everything else as these.");
    $("vocabulary").textContent = about.vocabulary.join(" ");
  } else if (about.words) {
    $("knows").append(` The network has heard ${about.words} different words in training.`);
  }
  $("sentences-part").hidden = !about.sentences.length;
  for (const sentence of about.sentences) {
    const item = document.createElement("li");
    item.textContent = sentence;
    $("sentences").append(item);
  }
}

function address() {
  const url = new URL(".", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url;
}

/** Record an utterance, for a network that needs all of it, and transcribe that. */
async function startWhole() {
  running = await record((value) => { $("level").value = value; });
  $("microphone").setAttribute("aria-pressed", "true");
  $("microphone").textContent = "Stop";
  say("Speak.");
  const file = await running.done.finally(stop);
  await transcribe(new File([file], "what you said"));
}

/** Ask for the microphone and begin a stream. */
async function start() {
  const { media, context, source } = await openMicrophone(send);
  const analyser = new AnalyserNode(context, { fftSize: 1024, smoothingTimeConstant: 0 });
  source.connect(analyser);
  const key = $("key").value;
  const socket = new WebSocket(address(), key ? [`key.${key}`] : []);
  running = { media, context, socket, analyser, sent: [], latencies: [] };
  socket.onopen = () => {
    socket.send(JSON.stringify({ config: { sample_rate: context.sampleRate, probabilities: 4 } }));
    say("Speak.");
  };
  socket.onmessage = ({ data }) => hear(JSON.parse(data));
  socket.onclose = ({ code, reason }) => {
    if (running?.socket === socket) stop();
    say(code === 1000 ? "" : reason || "The server refused the stream, or is gone.");
  };
  $("microphone").setAttribute("aria-pressed", "true");
  $("microphone").textContent = "Stop";
  requestAnimationFrame(draw);
}

/** Send samples, as integers of 16 bits. */
function send(samples) {
  const { socket, sent } = running ?? {};
  $("level").value = amplitudeOf(samples) * 3;
  if (socket?.readyState !== WebSocket.OPEN || socket.bufferedAmount > 1e6) return;
  const numbers = Int16Array.from(samples, (x) => Math.max(-1, Math.min(1, x)) * 32767);
  socket.send(numbers);
  sent.push(performance.now());
}

/** Read an answer: a text that may yet change, or a final one. */
function hear(answer) {
  if (running?.sent.length) {
    running.latencies.push(performance.now() - running.sent.shift());
    const latest = running.latencies.slice(-50).sort((a, b) => a - b);
    $("latency").textContent = `Answered after ${Math.round(latest[latest.length >> 1])} ms` +
      ` (median; slowest of the last ${latest.length}: ${Math.round(latest.at(-1))} ms).` +
      ` The network itself looks ${Math.round(about.latency)} ms ahead.`;
  }
  if (answer.probabilities) drawSymbols(answer.probabilities);
  if (answer.text) {
    const item = document.createElement("li");
    item.textContent = answer.text;
    $("final").append(item);
  }
  $("partial").textContent = answer.partial ?? "";
}

/** Let the server write the last words, and give the microphone back. */
function stop() {
  const { media, context, socket, stop: finish } = running ?? {};
  running = null;
  finish?.();
  media?.getTracks().forEach((track) => track.stop());
  context?.close();
  if (socket?.readyState === WebSocket.OPEN) socket.send('{"eof" : 1}');
  $("microphone").setAttribute("aria-pressed", "false");
  $("microphone").textContent = "Use the microphone";
  $("level").value = 0;
}

function colour(value) {
  const share = Math.max(0, Math.min(0.9999, (value - FLOOR) / (TOP - FLOOR)));
  const at = share * (COLOURS.length - 1), i = Math.floor(at);
  return COLOURS[i].map((c, j) => Math.round(c + (at - i) * (COLOURS[i + 1][j] - c)));
}

/** Move a picture to the left. */
function scroll(canvas, pixels) {
  const pen = canvas.getContext("2d");
  pen.globalCompositeOperation = "copy"; // not over what is there
  pen.drawImage(canvas, -pixels, 0);
  pen.globalCompositeOperation = "source-over";
  return pen;
}

let drawn = 0;
function draw(now) {
  if (!running) return;
  const canvas = $("spectrogram"), width = (1000 * SECONDS) / canvas.width;
  const columns = Math.min(Math.floor((now - drawn) / width), 8);
  if (columns > 0) {
    drawn = now;
    const { analyser, context } = running, heights = canvas.height;
    const decibels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(decibels);
    const pen = scroll(canvas, columns), pixels = pen.createImageData(columns, heights);
    const bins = Math.min(decibels.length, (8000 / context.sampleRate) * analyser.fftSize);
    for (let y = 0; y < heights; y++) {
      const rgb = colour(decibels[Math.floor(((heights - 1 - y) / heights) * bins)]);
      for (let x = 0; x < columns; x++) pixels.data.set([...rgb, 255], 4 * (y * columns + x));
    }
    pen.putImageData(pixels, canvas.width - columns, 0);
  }
  requestAnimationFrame(draw);
}

/** Draw the most probable symbols of some frames: [[symbol, probability], ...] each. */
function drawSymbols(frames) {
  const canvas = $("symbols");
  const step = Math.max(1, Math.round((about.frame_ms * canvas.width) / (1000 * SECONDS)));
  for (const frame of frames) {
    const pen = scroll(canvas, step);
    pen.font = "15px system-ui, sans-serif";
    for (const [symbol, probability] of frame) {
      pen.fillStyle = `rgba(28, 34, 48, ${Math.min(1, probability + 0.1)})`;
      const y = canvas.height - 6 - probability * (canvas.height - 22);
      if (symbol === "") { // the blank
        pen.fillRect(canvas.width - step, y, step, 1);
        continue;
      }
      const text = symbol === " " ? "␣" : symbol;
      pen.fillText(text, canvas.width - Math.max(step, pen.measureText(text).width), y);
    }
  }
}

/** Ask the server for something, with the key if there is one; throw what it refuses it for. */
async function ask(path, options = {}) {
  const key = $("key").value;
  const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  const response = await fetch(path, { ...options, headers });
  if (response.ok) return response;
  throw new Error((await response.json()).error.message);
}

/** Send a file to the server; show its transcript. */
async function transcribe(file) {
  const form = new FormData();
  form.append("file", file);
  say(`Transcribing ${file.name} ...`);
  try {
    const answer = await (await ask("v1/audio/transcriptions", { method: "POST", body: form })).json();
    hear({ text: answer.text || "(no words)" });
    say((answer.warnings ?? []).join("; "));
  } catch (error) {
    say(error.message);
  }
}

$("microphone").addEventListener("click", () => {
  if (running) stop();
  else (about.streams ? start() : startWhole()).catch((error) => { stop(); say(`No microphone: ${error.message}`); });
});
$("key-line").addEventListener("submit", (event) => event.preventDefault());
$("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (file) transcribe(file);
});
const introduced = introduce().catch((error) => say(`The server does not answer: ${error.message}`));
