import { expect, test } from "vitest";
import { keysym, type } from "./typed.ts";

const SHIFT = 0xffe1;

async function typed(text: string) {
  const keys: (number | [number, boolean])[] = [];
  const sendKey = (key: number, _: string | null, down?: boolean) => {
    keys.push(down === undefined ? key : [key, down]);
  };
  let waits = 0;
  await type({ sendKey }, text, async () => {
    waits += 1;
  });
  return { keys, waits };
}

test("a text is typed key by key, with a pause after each", async () => {
  const { keys, waits } = await typed("aä€\r\n\t");
  expect(keys).toEqual([0x61, 0xe4, 0x010020ac, 0xff0d, 0xff09]);
  expect(waits).toBe(5);
  expect(keysym("😀")).toBe(0x0101f600);
});

test("the shift key is held where a US keyboard wants it", async () => {
  const { keys } = await typed("aB!1");
  expect(keys).toEqual([0x61, [SHIFT, true], 0x42, [SHIFT, false], [SHIFT, true], 0x21, [SHIFT, false], 0x31]);
});
