/** Getting the microphone, and saying in one word why it can't be had. */

/** insecure: not https or localhost. unsupported: no WebRTC. refused, missing, busy: the person or the machine. */
export type MicrophoneProblem = "insecure" | "unsupported" | "refused" | "missing" | "busy";

export class MicrophoneError extends Error {
  constructor(readonly problem: MicrophoneProblem) {
    super(problem);
  }
}

/** What stands in the way before anybody is asked; undefined when nothing does. */
export function environmentProblem(): MicrophoneProblem | undefined {
  if (!globalThis.isSecureContext) return "insecure";
  if (typeof RTCPeerConnection === "undefined" || !navigator.mediaDevices?.getUserMedia) return "unsupported";
  return undefined;
}

export function microphoneProblem(error: unknown): MicrophoneProblem {
  if (error instanceof MicrophoneError) return error.problem;
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "refused";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  return "busy";
}

/** Opens the microphone; falls back to the default one when the chosen one has been unplugged. */
export async function openMicrophone(deviceId: string, processing: boolean): Promise<MediaStream> {
  const blocked = environmentProblem();
  if (blocked) throw new MicrophoneError(blocked);
  const wanted = (id: string): MediaStreamConstraints => ({
    audio: {
      deviceId: id ? { exact: id } : undefined,
      echoCancellation: processing,
      noiseSuppression: processing,
      autoGainControl: processing,
    },
  });
  try {
    return await navigator.mediaDevices.getUserMedia(wanted(deviceId));
  } catch (error) {
    if (deviceId && microphoneProblem(error) === "missing") return openMicrophone("", processing);
    throw new MicrophoneError(microphoneProblem(error));
  }
}
