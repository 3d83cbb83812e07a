/** The person's sound choices on this device. */
import { createStore, useStore } from "../store.ts";

export interface SoundPreferences {
  microphoneId: string;
  speakerId: string;
  ringId: string;
  /** 0..1 */
  ringVolume: number;
  /** Echo cancellation, noise suppression and gain control of the browser. Off only for measuring. */
  processing: boolean;
  /** Sound goes over the relay and no other way, for networks that spoil the straight one. */
  relayOnly: boolean;
}

const KEY = "merkez.sound";
const DEFAULTS: SoundPreferences = {
  microphoneId: "",
  speakerId: "",
  ringId: "",
  ringVolume: 0.6,
  processing: true,
  relayOnly: false,
};

function read(): SoundPreferences {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<SoundPreferences>) };
  } catch {
    return DEFAULTS;
  }
}

export const sound = createStore<SoundPreferences>(read());
export const useSound = (): SoundPreferences => useStore(sound);

export function changeSound(change: Partial<SoundPreferences>): void {
  sound.set((previous) => ({ ...previous, ...change }));
  try {
    localStorage.setItem(KEY, JSON.stringify(sound.get()));
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
}
