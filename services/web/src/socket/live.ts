/** The page's one socket, tied to the session: it connects when somebody is signed in and renews its token. */
import { accessToken, renewSession, session } from "../session/session.ts";
import { createStore, useStore } from "../store.ts";
import { SocketClient, type SocketStatus } from "./socket.ts";

function address(): string {
  const url = new URL("/v1/socket", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

let lastToken: string | undefined;

export const socket = new SocketClient({
  open: () => new WebSocket(address()),
  token: async (renew) => {
    const state = session.get();
    const good = !renew && state.status === "signedIn" && state.expires > Date.now();
    const token = good ? state.token : await renewSession(renew);
    lastToken = token;
    return token;
  },
  now: () => Date.now(),
  setTimer: (work, ms) => setTimeout(work, ms),
  clearTimer: (timer) => clearTimeout(timer as number),
  random: Math.random,
});

const status = createStore<SocketStatus>("closed");
socket.onStatus((next) => status.set(next));
/** The connection was there and is being brought back: what is on screen may be old, and nothing can be asked. */
const away = createStore(false);
socket.onStatus((next) => {
  if (next === "open" || next === "closed") away.set(false);
  else if (next === "waiting") away.set(true);
});
export const useAway = (): boolean => useStore(away);

export const useSocketStatus = (): SocketStatus => useStore(status);

export function serverNow(): number {
  return socket.serverNow();
}

export function followSession(): void {
  const follow = () => {
    const state = session.get();
    if (state.status === "signedIn" && state.user.role === "ROLE_OPERATOR") return; // nothing happens to them live
    const token = accessToken();
    if (!token) {
      if (state.status === "signedOut") socket.close();
      return;
    }
    if (socket.status === "open" && token !== lastToken) {
      lastToken = token;
      socket.renew(token);
    }
    socket.connect();
  };
  session.subscribe(follow);
  follow();
}
