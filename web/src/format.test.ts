import { describe, expect, test } from "vitest";
import { ago, browser, bytes, gibibytes, gigabytes, mebibytes, monthName } from "./format.ts";

describe("sizes", () => {
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1 KB"],
    [1536, "1.5 KB"],
    [1024 ** 3, "1 GB"],
    [180 * 1024 ** 2, "180 MB"],
    [1024 ** 6 * 5, "5120 PB"],
  ])("%i bytes are %s", (count, text) => expect(bytes(count)).toBe(text));

  test("of memory and disks", () => {
    expect([mebibytes(512), mebibytes(1536), gibibytes(40), gibibytes(1024)]).toEqual([
      "512 MB",
      "1.5 GB",
      "40 GB",
      "1 TB",
    ]);
  });
});

test("traffic is counted as it is sold, and months have names", () => {
  expect([gigabytes(100), gigabytes(4000), gigabytes(1500)]).toEqual(["100 GB", "4 TB", "1.5 TB"]);
  expect(monthName("2025-01")).toBe("January 2025");
});

test("moments are told as people do", () => {
  const now = Date.parse("2026-01-01T12:00:00Z");
  const of = (time: string) => ago(time, now);
  expect(of("2026-01-01T11:59:50Z")).toBe("now");
  expect(of("2026-01-01T11:58:00Z")).toBe("2 minutes ago");
  expect(of("2026-01-01T09:00:00Z")).toBe("3 hours ago");
  expect(of("2025-12-31T12:00:00Z")).toBe("yesterday");
});

test("a browser is known by what it calls itself, or not at all", () => {
  const chrome =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
  expect(browser(chrome)).toBe("Chrome, Linux");
  expect(browser(`${chrome} Edg/156.0`)).toBe("Edge, Linux");
  expect(browser("curl/8")).toBeUndefined();
});
