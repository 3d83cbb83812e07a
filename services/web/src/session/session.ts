/**
 * Who is signed in. The access token lives in memory only; the refresh token is an HttpOnly cookie that this code
 * never sees. All tabs share one cookie that rotates at every use, so renewals go through a lock and the tab that
 * renewed hands the new session to the others.
 */
import { problemFrom } from "../api/problem.ts";
import type { Session, User } from "../api/types.ts";
import { createStore, useStore } from "../store.ts";

export type SessionState =
  | { status: "starting" }
  | { status: "signedOut"; expired: boolean }
  | { status: "signedIn"; user: User; tenantId: string; token: string; expires: number };

/** Says to the gateway that a page asks: the refresh token then travels in its cookie only. */
const BROWSER_HEADERS = { "Content-Type": "application/json", "X-Merkez-Browser": "1" };

type Message = { kind: "session"; session: Session } | { kind: "signedOut" };

const HINT_KEY = "merkez.signedIn";
const LOCK = "merkez-session";
/** Renew when this share of the token's life is over: a suspended laptop still has time for a second try. */
const RENEW_AT = 0.6;
const AWAY_MS = 2000;
const CALL_OVER_MS = 5000;
/**
 * What ends a session, but not in the middle of a call: the gateway lets a call's connection outlive its token too. A
 * network that took a renewal and lost its answer looks like a stolen token, and ends the session.
 */
const LAST_FOR_CALL: readonly string[] = ["TENANT_SUSPENDED", "SESSION_ENDED"];

export const session = createStore<SessionState>({ status: "starting" });
export const useSession = (): SessionState => useStore(session);

/** The signed-in user's id; empty when nobody is signed in. */
export const myId = (): string => {
  const state = session.get();
  return state.status === "signedIn" ? (state.user.userId ?? "") : "";
};
export const useMe = (): string => {
  useSession();
  return myId();
};

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("merkez-session") : undefined;
let renewing: Promise<string | undefined> | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

channel?.addEventListener("message", ({ data }: MessageEvent<Message>) => {
  if (data.kind === "session") adopt(data.session, false);
  else end(false, false);
});

let callIsUp = (): boolean => false;

/** Told once how to see a call that is up: a session that has ended lasts until that call is over. */
export function lastForCall(up: () => boolean): void {
  callIsUp = up;
}

export function accessToken(): string | undefined {
  const state = session.get();
  return state.status === "signedIn" ? state.token : undefined;
}

/** Called once, before anything is drawn: a reload in mid-call must have its token at once. */
export function startSession(): Promise<string | undefined> {
  return renewSession();
}

/** Has somebody signed in on this device before? */
export function knownDevice(): boolean {
  try {
    return localStorage.getItem(HINT_KEY) !== null;
  } catch {
    return false;
  }
}

/** Takes a session the API has just given (sign-in, sign-up, invitation) and tells the other tabs. */
export function adopt(given: Session, tell = true): void {
  const expires = Date.parse(given.accessExpireTime ?? "") || Date.now() + 300_000;
  session.set({
    status: "signedIn",
    user: given.user ?? {},
    tenantId: given.tenantId ?? "",
    token: given.accessToken ?? "",
    expires,
  });
  remember("1");
  clearTimeout(timer);
  timer = setTimeout(() => void renewSession(), Math.max(1000, (expires - Date.now()) * RENEW_AT));
  if (tell) channel?.postMessage({ kind: "session", session: given } satisfies Message);
}

/**
 * A fresh access token by the refresh cookie; undefined when the session is over. One renewal runs at a time.
 * `refused` says that the server does not take the token we have, however fresh it looks.
 */
export function renewSession(refused = false): Promise<string | undefined> {
  const old = refused ? accessToken() : undefined;
  renewing ??= underLock(() => renew(old)).finally(() => {
    renewing = undefined;
  });
  return renewing;
}

async function underLock<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks ? await navigator.locks.request(LOCK, work) : await work();
}

async function renew(refused: string | undefined): Promise<string | undefined> {
  const fresh = freshToken();
  if (fresh && fresh !== refused) return fresh; // another tab renewed while this one waited for the lock
  let response: Response;
  try {
    response = await fetch("/v1/sessions:refresh", {
      method: "POST",
      headers: BROWSER_HEADERS,
      body: "{}",
    });
  } catch {
    return retryLater();
  }
  if (response.ok) {
    adopt((await response.json()) as Session);
    return accessToken();
  }
  const problem = problemFrom(response.status, await response.json().catch(() => undefined));
  if (problem.status >= 500 || problem.status === 429) return retryLater();
  if (LAST_FOR_CALL.includes(problem.reason) && callIsUp()) return retryLater(CALL_OVER_MS);
  end(session.get().status === "signedIn" || wasSignedIn(), true);
  return undefined;
}

function freshToken(): string | undefined {
  const state = session.get();
  return state.status === "signedIn" && state.expires - Date.now() > 200_000 ? state.token : undefined;
}

/** The edge is away, or a call is up: the session stays as it is, a live call goes on, and we ask again. */
function retryLater(pauseMs = AWAY_MS): string | undefined {
  clearTimeout(timer);
  timer = setTimeout(() => void renewSession(), pauseMs);
  return accessToken();
}

export async function signOut(): Promise<void> {
  await fetch("/v1/sessions:signOut", {
    method: "POST",
    headers: BROWSER_HEADERS,
    body: "{}",
  }).catch(() => undefined);
  end(false, true);
}

function end(expired: boolean, tell: boolean): void {
  clearTimeout(timer);
  if (knownDevice()) remember("0");
  session.set({ status: "signedOut", expired });
  if (tell) channel?.postMessage({ kind: "signedOut" } satisfies Message);
}

/** Was somebody signed in here until now? Then what ended is a session, and the page says so. */
function wasSignedIn(): boolean {
  try {
    return localStorage.getItem(HINT_KEY) === "1";
  } catch {
    return false;
  }
}

function remember(value: "1" | "0"): void {
  try {
    localStorage.setItem(HINT_KEY, value);
  } catch {
    // Without storage a session that is over is not told from none at all.
  }
}
