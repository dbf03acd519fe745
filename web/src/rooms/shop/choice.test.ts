import { expect, test } from "vitest";
import type { Shop } from "../../api/generated/model";
import { HOURLY, locationsOf, orderOf, sizesOf } from "./choice.ts";

const size = (id: number) => ({ id, name: `S${id}`, cpuCores: 1, memoryMb: 512, diskGb: 5, trafficGb: 0 });
const place = (id: number) => ({ id, name: `L${id}` });
const offer = (id: number, kind: "hourly" | "pack", places: number[], sizes: number[]) => ({
  id,
  name: "",
  kind,
  locations: places.map(place),
  sizes: sizes.map(size),
});
const shop: Shop = {
  credit: { tokens: 0 },
  prepaid: false,
  packs: [],
  offers: [offer(1, "hourly", [1, 2], [1]), offer(2, "hourly", [2], [1, 2]), offer(3, "pack", [3], [3])],
};
const ids = (all: { id: number }[]) => all.map((one) => one.id);

test("what several profiles allow is offered once, where each allows it", () => {
  expect(ids(locationsOf(shop, HOURLY))).toEqual([1, 2]);
  expect(ids(locationsOf(shop, "7"))).toEqual([3]);
  expect(ids(sizesOf(shop, HOURLY, "1"))).toEqual([1]);
  expect(ids(sizesOf(shop, HOURLY, "2"))).toEqual([1, 2]);
  expect(ids(sizesOf(shop, HOURLY, "3"))).toEqual([]);
});

test("a name that is a host name is both, and a pack is named", () => {
  const values = { way: "7", location: "3", size: "3", template: "9", keys: ["4"], name: " web.example.com " };
  const order = orderOf(values);
  expect([order.name, order.hostname, order.packId]).toEqual(["web.example.com", "web.example.com", 7]);
  expect(orderOf({ ...values, way: HOURLY, name: "My server" })).toMatchObject({ hostname: null, packId: null });
});
