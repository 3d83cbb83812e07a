/** Where to go after signing in. Only paths of our own: an address from outside would make us a trampoline. */
export function safeNext(next: string | null): string {
  if (!next?.startsWith("/") || next.startsWith("//") || next.includes("\\")) return "/";
  return next.startsWith("/sign-") ? "/" : next;
}
