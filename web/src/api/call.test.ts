import { afterEach, expect, test, vi } from "vitest";
import { call, keepSecret, proveBy, Refused } from "./call.ts";

afterEach(() => vi.unstubAllGlobals());

function answer(status: number, body: string, headers = {}) {
  const asked = vi.fn(async () => new Response(status === 204 ? null : body, { status, headers }));
  vi.stubGlobal("fetch", asked);
  return asked;
}

test("the session's secret goes along", async () => {
  keepSecret("of this session");
  const asked = answer(204, "");
  expect(await call("/x", { method: "DELETE" })).toBeUndefined();
  expect(asked).toHaveBeenCalledWith("/x", expect.objectContaining({ headers: { "x-csrf-token": "of this session" } }));
});

test.each([
  [422, '{"errors":["One.","Two."]}', ["One.", "Two."]],
  [404, '{"msg":"server not found"}', ["server not found"]],
  [401, '{"message":"Unauthenticated."}', ["Unauthenticated."]],
  [502, "<html>a proxy's page</html>", []],
])("a refusal with %i keeps its sentences", async (status, body, sentences) => {
  answer(status, body, { "retry-after": "900" });
  const refused = await call("/x", {}).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Refused);
  expect(refused).toMatchObject({ status, sentences, retryAfter: 900 });
});

const byCode = { way: "code", orPasskey: false, orProvider: false };
const lacking = () => new Response('{"message":"Prove.","needs":"proof","by":["code"]}', { status: 403 });

test("a call that lacks a proof is made again once it is given", async () => {
  const asked = vi.fn(async () => new Response("{}")).mockImplementationOnce(async () => lacking());
  vi.stubGlobal("fetch", asked);
  const prover = vi.fn(async () => true);
  proveBy(prover);
  expect(await call("/x", { method: "POST", body: "the same" })).toEqual({});
  expect(prover.mock.calls).toEqual([[byCode]]);
  expect(asked.mock.calls.map(([, init]: unknown[]) => (init as RequestInit).body)).toEqual(["the same", "the same"]);
  proveBy(undefined);
});

test.each([
  ["passkey", { orPasskey: true, orProvider: false }],
  ["provider", { orPasskey: false, orProvider: true }],
])("a %s may be the proof where there is one", async (way, others) => {
  const body = JSON.stringify({ message: "Prove.", needs: "proof", by: ["password", way] });
  vi.stubGlobal("fetch", async () => new Response(body, { status: 403 }));
  const prover = vi.fn(async () => false);
  proveBy(prover);
  const refused = await call("/x", {}).catch((error: unknown) => error);
  const proof = { way: "password", ...others };
  expect(refused).toMatchObject({ status: 403, needsProof: proof });
  expect(prover.mock.calls).toEqual([[proof]]);
  proveBy(undefined);
});

test("a proof that is not given leaves the refusal, and one that does not help is not asked for twice", async () => {
  for (const isProved of [false, true]) {
    vi.stubGlobal("fetch", async () => lacking());
    const prover = vi.fn(async () => isProved);
    proveBy(prover);
    const refused = await call("/x", {}).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 403, needsProof: byCode });
    expect(prover).toHaveBeenCalledTimes(1);
  }
  proveBy(undefined);
});
