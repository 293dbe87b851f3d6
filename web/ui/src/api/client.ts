/** The one way to the server: typed by its OpenAPI document, signed, and failing with a Problem. */
import createClient from "openapi-fetch";
import type { paths } from "./__generated__/schema";
import { Problem, problemOf } from "./problem";
import { accessToken } from "./session";

/** Sends with the current token; a token refused in the middle of its life is renewed once. */
export async function signedFetch(input: Request): Promise<Response> {
  const again = input.clone();
  const send = async (request: Request, fresh: boolean) => {
    const token = await accessToken({ fresh });
    if (token) request.headers.set("authorization", `Bearer ${token}`);
    return fetch(request);
  };
  try {
    const response = await send(input, false);
    if (response.status !== 401 || input.url.endsWith("/auth/login")) return response;
    return await send(again, true);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, { title: error instanceof Error ? error.message : String(error) });
  }
}

/** Paths without the prefix that all of them share. */
type Short = { [P in keyof paths as P extends `/api/v1${infer Rest}` ? Rest : never]: paths[P] };

export const api = createClient<Short>({ baseUrl: `${location.origin}/api/v1`, fetch: signedFetch });

/** The body of a successful answer; anything else is thrown as a Problem. */
export async function unwrap<T>(answer: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await answer;
  if (response.ok) return data as T;
  if (typeof error === "object" && error !== null) throw new Problem(response.status, error as Record<string, unknown>);
  throw response.bodyUsed ? new Problem(response.status, {}) : await problemOf(response);
}
