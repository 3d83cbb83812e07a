/** The ring: two soft notes made in the page, on their own device and at their own volume. */
import { sound } from "./preferences.ts";

const PERIOD_MS = 2600;
const NOTES: readonly (readonly [number, number])[] = [
  [659.25, 0],
  [880, 0.22],
  [659.25, 0.7],
  [880, 0.92],
];

type SinkContext = AudioContext & { setSinkId?: (id: string) => Promise<void> };

let context: SinkContext | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Prepares the sound while the person touches the page, so that the first ring isn't silent. */
export function warmRing(): void {
  if (typeof AudioContext === "undefined") return;
  context ??= new AudioContext();
  if (context.state === "suspended") void context.resume();
}

/** What is accepted by itself rings `afterMs` only: when that came to nothing. */
export function startRing(afterMs = 0): void {
  if (timer !== undefined) return;
  warmRing();
  void playOnRingDevice();
  const again = () => {
    chime();
    timer = setTimeout(again, PERIOD_MS);
  };
  timer = setTimeout(again, afterMs);
}

export function stopRing(): void {
  clearTimeout(timer);
  timer = undefined;
}

export const isRinging = (): boolean => timer !== undefined;

/** One chime, to hear device and volume in the sound check. */
export async function tryRing(): Promise<void> {
  warmRing();
  await playOnRingDevice();
  chime();
}

async function playOnRingDevice(): Promise<void> {
  try {
    await context?.setSinkId?.(sound.get().ringId);
  } catch {
    // The chosen device is gone: the default one rings.
  }
}

function chime(): void {
  if (!context) return;
  const volume = context.createGain();
  volume.gain.value = sound.get().ringVolume * 0.5;
  volume.connect(context.destination);
  for (const [frequency, offset] of NOTES) {
    const begin = context.currentTime + offset;
    const tone = context.createOscillator();
    const shape = context.createGain();
    tone.frequency.value = frequency;
    shape.gain.setValueAtTime(0, begin);
    shape.gain.linearRampToValueAtTime(1, begin + 0.02);
    shape.gain.exponentialRampToValueAtTime(0.001, begin + 0.6);
    tone.connect(shape).connect(volume);
    tone.start(begin);
    tone.stop(begin + 0.65);
  }
}
