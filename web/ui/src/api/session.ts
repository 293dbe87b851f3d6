/** Who is signed in: the access token lives in memory, the refresh token in local storage, rotated by one tab at a time. */
import { readLocal, writeLocal } from "@/lib/storage";
import { createStore } from "@/lib/store";

const REFRESH_KEY = "telehub.refresh";
/** Renewed this long before it ends, so that no request meets a dead token. */
const EARLY_MS = 60_000;

export interface Tokens {
  access_token: string;
  refresh_token: string;
  expires_in: number;
}

interface Access {
  token: string;
  until: number;
}

export type SessionState = "unknown" | "signed_in" | "signed_out";

export const session = createStore<SessionState>(readLocal(REFRESH_KEY) ? "unknown" : "signed_out");

let access: Access | null = null;
let memoryRefresh: string | null = null;
let renewing: Promise<string | null> | null = null;

const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("telehub.session");
channel?.addEventListener("message", (event: MessageEvent<{ kind: string; access?: Access }>) => {
  if (event.data.kind === "renewed" && event.data.access) {
    access = event.data.access;
    session.set("signed_in");
  }
  if (event.data.kind === "signed_out") forget();
});

function refreshToken(): string | null {
  return readLocal(REFRESH_KEY) ?? memoryRefresh;
}

function keep(tokens: Tokens): string {
  access = { token: tokens.access_token, until: Date.now() + tokens.expires_in * 1000 };
  memoryRefresh = writeLocal(REFRESH_KEY, tokens.refresh_token) ? null : tokens.refresh_token;
  channel?.postMessage({ kind: "renewed", access });
  return tokens.access_token;
}

function forget(): void {
  access = null;
  memoryRefresh = null;
  writeLocal(REFRESH_KEY, null);
  session.set("signed_out");
}

/** After a successful sign-in. */
export function signedIn(tokens: Tokens): void {
  keep(tokens);
  session.set("signed_in");
}

/** Ends the session here and in every other tab; the server is told if it can be reached. */
export async function signOut(): Promise<void> {
  const refresh_token = refreshToken();
  const token = access?.token;
  forget();
  channel?.postMessage({ kind: "signed_out" });
  if (!refresh_token) return;
  await fetch("/api/v1/auth/logout", {
    method: "POST",
    headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify({ refresh_token }),
  }).catch(() => undefined);
}

async function renew(): Promise<string | null> {
  // Another tab may have renewed while this one waited for the lock.
  if (access && access.until - Date.now() > EARLY_MS) return access.token;
  const refresh_token = refreshToken();
  if (!refresh_token) {
    forget();
    return null;
  }
  const response = await fetch("/api/v1/auth/refresh", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ refresh_token }),
  });
  if (response.ok) {
    const token = keep((await response.json()) as Tokens);
    session.set("signed_in");
    return token;
  }
  if (response.status === 400 || response.status === 401 || response.status === 403) {
    forget();
    return null;
  }
  throw new Error(`refresh answered ${response.status}`);
}

/** A token that is good for at least a minute; null when signed out; throws when the server cannot be reached. */
export function accessToken(options: { fresh?: boolean } = {}): Promise<string | null> {
  if (options.fresh) access = null;
  if (access && access.until - Date.now() > EARLY_MS) return Promise.resolve(access.token);
  if (!refreshToken() && !access) return Promise.resolve(null);
  if (renewing) return renewing;
  const locked: () => Promise<string | null> = async () => (navigator.locks ? await navigator.locks.request("telehub.refresh", renew) : renew());
  const current = locked().finally(() => {
    renewing = null;
  });
  renewing = current;
  return current;
}
