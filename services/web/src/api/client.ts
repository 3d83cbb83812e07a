/**
 * The one way to the REST API: typed by the gateway's OpenAPI, with the session's access token, one silent renewal
 * when it has run out, and every failure as a `Problem`.
 */
import createClient from "openapi-fetch";
import { accessToken, renewSession } from "../session/session.ts";
import { Problem, problemFrom } from "./problem.ts";
import type { paths } from "./schema.d.ts";

/** Fetches with the session's token; a 401 renews the session once and tries again. */
export async function authorizedFetch(request: Request): Promise<Response> {
  const again = request.clone();
  const first = await send(request, accessToken());
  if (first.status !== 401 || isSessionRequest(request.url)) return first;
  const renewed = await renewSession(true);
  return renewed ? send(again, renewed) : first;
}

async function send(request: Request, token: string | undefined): Promise<Response> {
  request.headers.set("X-Merkez-Browser", "1");
  if (token) request.headers.set("Authorization", `Bearer ${token}`);
  try {
    return await fetch(request);
  } catch {
    throw Problem.offline();
  }
}

function isSessionRequest(url: string): boolean {
  return new URL(url).pathname.startsWith("/v1/sessions:");
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: authorizedFetch });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's body, or the problem thrown. An empty body (204) comes back as an empty object. */
export async function ask<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok) throw problemFrom(response.status, error, response.headers.get("Retry-After"));
  return data ?? ({} as T);
}

/** Idempotency key for one intent of the person; keep it while the same form is sent again. */
export function newRequestId(): string {
  return crypto.randomUUID();
}

/** A file behind the API, such as a recording, as an object URL that the caller revokes. */
export async function fetchBlob(path: string): Promise<Blob> {
  const response = await authorizedFetch(new Request(new URL(path, location.origin)));
  if (!response.ok) {
    const body: unknown = await response.json().catch(() => undefined);
    throw problemFrom(response.status, body, response.headers.get("Retry-After"));
  }
  return response.blob();
}
