/** When the newest offer came, was answered and was heard: what tests and the curious read through `__merkez`. */
import type { Listening } from "../media/listening.ts";
import type { FactEvent } from "../socket/socket.ts";

/** All times are ms since the epoch by this page's clock; undefined while they have not happened. */
export interface Latencies {
  offerEventTime?: number;
  offerReceivedTime?: number;
  answerClickTime?: number;
  acceptedTime?: number;
  firstAudioTime?: number;
  answerToAudioMs?: number;
  leaveTime?: number;
  backTime?: number;
  reloadGapMs?: number;
}

export const latencies: Latencies = {};

const LEAVE_KEY = "merkez.leaveTime";

export function noteOffer(event: FactEvent): void {
  latencies.offerEventTime = Date.parse(event.time);
  latencies.offerReceivedTime = event.receivedTime;
}

export function noteAnswer(listening: Listening): void {
  latencies.answerClickTime = Date.now();
  latencies.firstAudioTime = undefined;
  latencies.answerToAudioMs = undefined;
  listening.wake();
  void listening.firstSound(5000).then((time) => {
    if (time === undefined || latencies.answerClickTime === undefined) return;
    latencies.firstAudioTime = time;
    latencies.answerToAudioMs = time - latencies.answerClickTime;
  });
}

/** A page that leaves in mid-call writes down when; the next one measures how long nothing was heard. */
export function noteLeaving(onCall: boolean): void {
  try {
    if (onCall) sessionStorage.setItem(LEAVE_KEY, String(Date.now()));
    else sessionStorage.removeItem(LEAVE_KEY);
  } catch {
    // Only a measurement is lost.
  }
}

export async function noteBack(listening: Listening): Promise<void> {
  const left = Number(readAndForget());
  if (!left) return;
  latencies.leaveTime = left;
  const time = await listening.firstSound(10_000);
  if (time === undefined) return;
  latencies.backTime = time;
  latencies.reloadGapMs = time - left;
}

function readAndForget(): string | null {
  try {
    const value = sessionStorage.getItem(LEAVE_KEY);
    sessionStorage.removeItem(LEAVE_KEY);
    return value;
  } catch {
    return null;
  }
}
