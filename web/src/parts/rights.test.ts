import { expect, test } from "vitest";
import { GIVEN, may } from "./rights.ts";

test("nobody may what is not among their rights", () => {
  const rights = ["view", "power"] as const;
  expect(GIVEN.filter((right) => may({ rights: [...rights] }, right))).toEqual(["power"]);
});
