// What is chosen of what is offered. Pure.
import type { Family, NewServerOrder, Location as Place, Shop, Size } from "../../api/generated/model";

/** A server that is paid by the hour; every other way is a resource pack's id. */
export const HOURLY = "hourly";

export interface Values {
  way: string;
  location: string;
  size: string;
  template: string;
  keys: string[];
  name: string;
}

/** RFC 1123. */
const HOSTNAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

export const isHostname = (text: string) => HOSTNAME.test(text);

function offersOf(shop: Shop, way: string) {
  return shop.offers.filter((offer) => (offer.kind === "hourly") === (way === HOURLY));
}

function unique<T extends { id: number }>(all: T[]): T[] {
  return all.filter((one, at) => all.findIndex((other) => other.id === one.id) === at);
}

export function locationsOf(shop: Shop, way: string): Place[] {
  return unique(offersOf(shop, way).flatMap((offer) => offer.locations));
}

export function sizesOf(shop: Shop, way: string, location: string): Size[] {
  const there = offersOf(shop, way).filter((offer) => offer.locations.some((one) => String(one.id) === location));
  return unique(there.flatMap((offer) => offer.sizes));
}

export interface Chosen {
  location?: Place;
  size?: Size;
  system?: string;
}

export function chosenOf(shop: Shop, values: Values, families: Family[] | undefined): Chosen {
  const templates = families?.flatMap((family) => family.templates) ?? [];
  const template = templates.find((one) => String(one.id) === values.template);
  return {
    location: locationsOf(shop, values.way).find((one) => String(one.id) === values.location),
    size: sizesOf(shop, values.way, values.location).find((one) => String(one.id) === values.size),
    system: template && [template.name, template.version, template.variant].filter(Boolean).join(" "),
  };
}

export function orderOf({ way, location, size, template, keys, name }: Values): NewServerOrder {
  return {
    name: name.trim(),
    hostname: isHostname(name.trim()) ? name.trim() : null,
    locationId: Number(location),
    sizeId: Number(size),
    packId: way === HOURLY ? null : Number(way),
    templateId: Number(template),
    sshKeys: keys.map(Number),
  };
}
