/** Where to go after signing in. Only paths of our own: an address from outside would make us a trampoline. */
const KEY = "merkez.next";

export function safeNext(next: string | null): string {
  if (!next?.startsWith("/") || next.startsWith("//") || next.includes("\\")) return "/";
  return next.startsWith("/sign-") ? "/" : next;
}

export function oidcReturnAddress(): string {
  return `${location.origin}/sign-in/return`;
}

export function rememberNext(next: string): void {
  sessionStorage.setItem(KEY, next);
}

export function takeNext(): string {
  const next = safeNext(sessionStorage.getItem(KEY));
  sessionStorage.removeItem(KEY);
  return next;
}
