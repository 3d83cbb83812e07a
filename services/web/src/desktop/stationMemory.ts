/** What this browser remembers about being a station: over reloads, and the same in all its tabs. */
const CLIENT_KEY = "merkez.station.client";
const WANTED_KEY = "merkez.station.wanted";

let spare: string | undefined;

/**
 * One id per browser, not per tab: the lock lets one tab own the media, so whichever tab attaches is the same client
 * to the server, and a reload or a takeover between tabs needs no question.
 */
export function stationClientId(): string {
  try {
    const stored = localStorage.getItem(CLIENT_KEY);
    if (stored) return stored;
    const made = crypto.randomUUID();
    localStorage.setItem(CLIENT_KEY, made);
    return made;
  } catch {
    spare ??= crypto.randomUUID();
    return spare;
  }
}

export function stationWanted(): boolean {
  try {
    return localStorage.getItem(WANTED_KEY) === "1";
  } catch {
    return false;
  }
}

export function wantStation(wanted: boolean): void {
  try {
    if (wanted) localStorage.setItem(WANTED_KEY, "1");
    else localStorage.removeItem(WANTED_KEY);
  } catch {
    // Without storage a reload asks for the microphone again by hand.
  }
}
