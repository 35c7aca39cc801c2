// Records one utterance: from a click until a pause after speech, or until `stop`.

const PAUSE = 0.9, LONGEST = 15, STEP = 0.1; // seconds
const ABOVE = 4; // times the quietest step's amplitude: speech

/**
 * Open the microphone: the sound as it is, in pieces of a tenth of a second to `hear`.
 * Returns { media, context, source }.
 */
async function openMicrophone(hear) {
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const media = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, ...plain } });
  const context = new AudioContext();
  await context.audioWorklet.addModule("page/sound.js");
  const source = context.createMediaStreamSource(media);
  const collect = new AudioWorkletNode(context, "collect", { numberOfOutputs: 0 });
  collect.port.onmessage = ({ data }) => hear(data);
  source.connect(collect);
  return { media, context, source };
}

function amplitudeOf(samples) {
  return Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
}

/**
 * Record. `level` is called with the amplitude of each tenth of a second, 0 to 1.
 * Returns { done, stop }: `done` is a promise of a WAV file, rejected if the microphone is lost.
 */
async function record(level) {
  const pieces = [];
  let hear = (samples) => pieces.push(samples); // until the promise is there
  const { media, context } = await openMicrophone((samples) => hear(samples));
  let stop, quietest = 1, loudest = 0, spoken = 0, quiet = 0;
  const done = new Promise((resolve, reject) => {
    const close = () => {
      if (context.state === "closed") return;
      media.getTracks().forEach((track) => track.stop());
      context.close();
      level(0);
    };
    stop = () => {
      close();
      resolve(writeWav(pieces, context.sampleRate));
    };
    media.getTracks()[0].onended = () => {
      close();
      reject(new Error("the microphone is gone; read the sentence again"));
    };
    hear = (samples) => {
      pieces.push(samples);
      const amplitude = amplitudeOf(samples);
      level(Math.min(1, amplitude * 3));
      quietest = Math.min(quietest, Math.max(amplitude, 1e-4));
      loudest = Math.max(loudest, amplitude);
      const isSpeech = amplitude > ABOVE * quietest && amplitude > loudest / 20;
      spoken += isSpeech * STEP;
      quiet = isSpeech ? 0 : quiet + STEP;
      if ((spoken > 0.3 && quiet > PAUSE) || pieces.length * STEP > LONGEST) stop();
    };
  });
  return { done, stop };
}

/** Write samples as a WAV file of 16 bits. */
function writeWav(pieces, rate) {
  const count = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * count));
  const words = [0x52494646, 36 + 2 * count, 0x57415645, 0x666d7420, 16, 0x10001, rate, 2 * rate,
    0x100002, 0x64617461, 2 * count]; // RIFF, WAVE, fmt: one channel of 16 bits; data
  words.forEach((word, i) => view.setUint32(4 * i, word, ![0, 2, 3, 9].includes(i)));
  let place = 44;
  for (const piece of pieces)
    for (const x of piece) {
      view.setInt16(place, Math.max(-1, Math.min(1, x)) * 32767, true);
      place += 2;
    }
  return new Blob([view], { type: "audio/wav" });
}
