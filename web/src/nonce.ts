// The policy of each page lets styles in that carry its nonce. The build left it in a meta element.

export function styleNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
}

const plain = document.createElement.bind(document);

/** Does what makes style elements by itself, in the plain document. */
export function withNonce(work: () => void) {
  document.createElement = ((name: string) => {
    const element = plain(name);
    if (element instanceof HTMLStyleElement) element.nonce = styleNonce();
    return element;
  }) as typeof document.createElement;
  try {
    work();
  } finally {
    document.createElement = plain;
  }
}

/**
 * The document for a library that makes styles of its own and knows of no nonce: style elements get it, and style
 * attributes are set in the one way that the policy allows to scripts.
 */
export function documentWithNonce(): Document {
  const make = (name: string) => {
    const element = plain(name);
    if (element instanceof HTMLStyleElement) element.nonce = styleNonce();
    if (element instanceof HTMLSpanElement) {
      element.setAttribute = (attribute: string, value: string) => {
        if (attribute === "style") element.style.cssText = value;
        else HTMLElement.prototype.setAttribute.call(element, attribute, value);
      };
    }
    return element;
  };
  return new Proxy(document, {
    get(target, key) {
      if (key === "createElement") return make;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
}
