import { expect, test } from "vitest";
import en from "../../texts/en.json";
import { addressesOf, SCOPES, textOf } from "./scopes.ts";

test("every scope has a text", () => {
  expect(SCOPES.map((scope) => textOf(scope).slice("scope.".length))).toEqual(Object.keys(en.scope));
});

test("addresses are read however they are typed", () => {
  expect(addressesOf("192.0.2.7,  2001:db8::/32;\n198.51.100.0/24 ")).toEqual([
    "192.0.2.7",
    "2001:db8::/32",
    "198.51.100.0/24",
  ]);
  expect(addressesOf("  ")).toEqual([]);
});
