import { expect, test } from "vitest";
import { written } from "./money.ts";

test("amounts have two decimals, and more where they say something", () => {
  const dollars = { prefix: "$", suffix: "" };
  expect(written("0.5000", dollars)).toBe("$0.50");
  expect(written("0.0068", dollars)).toBe("$0.0068");
  expect(written("0.0060", dollars)).toBe("$0.006");
  expect(written("-12.30", dollars)).toBe("−$12.30");
  expect(written("1200.00", { prefix: "", suffix: " €" })).toBe("1200.00 €");
});
