import { afterEach, expect, test, vi } from "vitest";
import { call, keepSecret, Refused } from "./call.ts";

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
