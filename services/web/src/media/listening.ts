/** Measuring what is heard: level, dominant frequency, and the moment sound began. Shared with the widget. */

const FFT = 4096;
const SILENCE_DB = -65;

export class Listening {
  private context: AudioContext | undefined;
  private source: MediaStreamAudioSourceNode | undefined;
  private readonly analyser: AnalyserNode | undefined;

  constructor() {
    if (typeof AudioContext === "undefined") return;
    this.context = new AudioContext({ latencyHint: "interactive" });
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = FFT;
    this.analyser.smoothingTimeConstant = 0;
  }

  /** Listens to another stream from now on. */
  listen(stream: MediaStream): void {
    if (!this.context || !this.analyser || stream.getAudioTracks().length === 0) return;
    this.source?.disconnect();
    this.source = this.context.createMediaStreamSource(stream);
    this.source.connect(this.analyser);
    this.wake();
  }

  /** Browsers start an AudioContext asleep until the person has touched the page or it captures sound. */
  wake(): void {
    if (this.context?.state === "suspended") void this.context.resume();
  }

  /** Strongest frequency in Hz, by parabolic interpolation between bins; 0 in silence. */
  dominantFrequency(): number {
    if (!this.context || !this.analyser) return 0;
    const bins = new Float32Array(this.analyser.frequencyBinCount);
    this.analyser.getFloatFrequencyData(bins);
    let peak = 1;
    for (let index = 2; index < bins.length - 1; index++) {
      if ((bins[index] ?? -200) > (bins[peak] ?? -200)) peak = index;
    }
    const [before, top, after] = [bins[peak - 1] ?? 0, bins[peak] ?? -200, bins[peak + 1] ?? 0];
    if (top < SILENCE_DB) return 0;
    const curve = before - 2 * top + after;
    const shift = curve === 0 ? 0 : (0.5 * (before - after)) / curve;
    return ((peak + shift) * this.context.sampleRate) / FFT;
  }

  /** Root mean square of the newest 11 ms, 0..1. */
  level(): number {
    if (!this.analyser) return 0;
    const samples = new Float32Array(FFT);
    this.analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    const window = 512;
    for (let index = FFT - window; index < FFT; index++) sum += (samples[index] ?? 0) ** 2;
    return Math.sqrt(sum / window);
  }

  /** Resolves with the time (ms since the epoch) sound was first heard, or undefined when none came in time. */
  firstSound(withinMs: number): Promise<number | undefined> {
    const begun = performance.now();
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        const heard = this.level() > 0.004;
        if (!heard && performance.now() - begun < withinMs) return;
        clearInterval(timer);
        resolve(heard ? Date.now() : undefined);
      }, 8);
    });
  }

  close(): void {
    void this.context?.close();
    this.context = undefined;
  }
}
