// The one way to the panel's API: the session's secret on what changes something, and refusals as errors.

/** What the control server refused, in its own words where it had some. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    /** Sentences for whoever asked. */
    readonly sentences: string[],
    /** Seconds to wait, for 429. */
    readonly retryAfter: number,
    /** The password was right, and a code is wanted besides. */
    readonly needsCode = false,
  ) {
    super(sentences.join(" ") || String(status));
  }
}

let secret = "";

export function keepSecret(csrf: string) {
  secret = csrf;
}

type Made = Omit<RequestInit, "headers"> & { headers?: Record<string, string | readonly string[]> };

// What the generated client makes, and what its callers may add.
export function call<T>(url: string, init: Made): Promise<T>;
export function call<T>(url: string, init: RequestInit): Promise<T>;
export async function call<T>(url: string, init: Made | RequestInit): Promise<T> {
  const headers = { ...(init.headers as Record<string, string>), "x-csrf-token": secret };
  const response = await fetch(url, { ...init, headers, credentials: "same-origin" });
  if (!response.ok) throw await refusal(response);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

async function refusal(response: Response): Promise<Refused> {
  const body: { errors?: unknown; msg?: unknown; message?: unknown; secondFactor?: unknown } = await response
    .json()
    .catch(() => ({}));
  const told = Array.isArray(body.errors) ? body.errors : [body.msg ?? body.message];
  const sentences = told.filter((one): one is string => typeof one === "string");
  return new Refused(
    response.status,
    sentences,
    Number(response.headers.get("retry-after")) || 0,
    body.secondFactor === true,
  );
}
