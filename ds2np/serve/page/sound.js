// Runs in the thread of the sound: collects samples and hands them on, about ten times a second.
class Collect extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.round(sampleRate / 10);
    this.samples = new Float32Array(this.size);
    this.count = 0;
  }

  process(inputs) {
    for (const sample of inputs[0][0] ?? []) {
      this.samples[this.count++] = sample;
      if (this.count === this.size) {
        this.port.postMessage(this.samples.slice());
        this.count = 0;
      }
    }
    return true;
  }
}

registerProcessor("collect", Collect);
