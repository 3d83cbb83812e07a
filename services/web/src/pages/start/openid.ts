/** Sign-in at the organisation's OpenID provider: off to it from a page of ours, and back with a code. */

import { api, ask } from "../../api/client.ts";
import { Problem } from "../../api/problem.ts";
import { adopt } from "../../session/session.ts";
import { safeNext } from "./next.ts";

/** What this tab remembers while the person is at the provider. */
const BEGUN = "merkez.openid";

type Begun = { state: string; next: string };

function returnAddress(): string {
  return `${location.origin}/sign-in/return`;
}

/** Leaves for the provider. `invitationSecret` is that of the invitation's link somebody new has open. */
export async function beginOpenId(next: string, invitationSecret = ""): Promise<void> {
  const body = { redirectUri: returnAddress(), invitationSecret };
  const { authorizationUri = "" } = await ask(api.POST("/v1/sessions:startOidc", { body }));
  const begun: Begun = { state: new URL(authorizationUri).searchParams.get("state") ?? "", next };
  sessionStorage.setItem(BEGUN, JSON.stringify(begun));
  location.assign(authorizationUri);
}

/**
 * Exchanges the code of this page's address for a session; returns where the person was going.
 *
 * An answer to a sign-in that this tab did not begin is refused (RFC 6749 10.12): with a link to their own answer, a
 * stranger could otherwise sign somebody in as the stranger.
 */
export async function finishOpenId(): Promise<string> {
  const query = new URLSearchParams(location.search);
  const begun = take();
  const refusal = query.get("error");
  if (refusal) throw new Problem(401, "OIDC_SIGN_IN_REFUSED", query.get("error_description") ?? refusal);
  if (!begun?.state || begun.state !== query.get("state")) throw new Problem(401, "OIDC_SIGN_IN_REFUSED", "");
  const body = { code: query.get("code") ?? "", state: begun.state, redirectUri: returnAddress() };
  adopt(await ask(api.POST("/v1/sessions:finishOidc", { body })));
  return safeNext(begun.next);
}

function take(): Begun | null {
  const kept = sessionStorage.getItem(BEGUN);
  sessionStorage.removeItem(BEGUN);
  return kept ? JSON.parse(kept) : null;
}
