// The one way to the panel's API: the session's secret on what changes something, and refusals as errors.

/** By what one proves that it is still oneself. */
export type Way = "password" | "code";

/** A proof that is wanted. Any one of its ways is enough. */
export interface Proof {
  way: Way;
  /** Or by a passkey. */
  orPasskey: boolean;
  /** Or by going again to the provider by which one logs in. */
  orProvider: boolean;
}

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
    /** Whoever logged in has to prove that it is still them. */
    readonly needsProof?: Proof,
  ) {
    super(sentences.join(" ") || String(status));
  }
}

let secret = "";

export function keepSecret(csrf: string) {
  secret = csrf;
}

type Prover = (proof: Proof) => Promise<boolean>;
let prover: Prover | undefined;

/** Who asks for a proof and answers whether it was given; then the call that lacked it is made again. */
export function proveBy(asks: Prover | undefined) {
  prover = asks;
}

type Made = Omit<RequestInit, "headers"> & { headers?: Record<string, string | readonly string[]> };

// What the generated client makes, and what its callers may add.
export function call<T>(url: string, init: Made): Promise<T>;
export function call<T>(url: string, init: RequestInit): Promise<T>;
export async function call<T>(url: string, init: Made | RequestInit): Promise<T> {
  try {
    return await send<T>(url, init);
  } catch (error) {
    if (!(error instanceof Refused && error.needsProof)) throw error;
    if (!(await prover?.(error.needsProof))) throw error;
    return send<T>(url, init);
  }
}

async function send<T>(url: string, init: Made | RequestInit): Promise<T> {
  const headers = { ...(init.headers as Record<string, string>), "x-csrf-token": secret };
  const response = await fetch(url, { ...init, headers, credentials: "same-origin" });
  if (!response.ok) throw await refusal(response);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

interface Body {
  errors?: unknown;
  msg?: unknown;
  message?: unknown;
  secondFactor?: unknown;
  needs?: unknown;
  by?: string[];
}

const ways: Way[] = ["code", "password"];

async function refusal(response: Response): Promise<Refused> {
  const body: Body = await response.json().catch(() => ({}));
  const told = Array.isArray(body.errors) ? body.errors : [body.msg ?? body.message];
  const sentences = told.filter((one): one is string => typeof one === "string");
  return new Refused(
    response.status,
    sentences,
    Number(response.headers.get("retry-after")) || 0,
    body.secondFactor === true,
    body.needs === "proof" ? proof(body.by ?? []) : undefined,
  );
}

function proof(by: string[]): Proof | undefined {
  const way = ways.find((way) => by.includes(way));
  return way && { way, orPasskey: by.includes("passkey"), orProvider: by.includes("provider") };
}
