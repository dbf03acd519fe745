import { expect, test } from "vitest";
import { keysym, type } from "./typed.ts";

test("a text is typed key by key", () => {
  const keys: number[] = [];
  type({ sendKey: (key: number) => keys.push(key) } as never, "aÄ€\r\n\t");
  expect(keys).toEqual([0x61, 0xc4, 0x010020ac, 0xff0d, 0xff09]);
  expect(keysym("😀")).toBe(0x0101f600);
});
