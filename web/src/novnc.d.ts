// noVNC 1.7 brings no types: what the panel uses of it.
declare module "@novnc/novnc" {
  interface Options {
    credentials?: { password?: string };
    shared?: boolean;
    wsProtocols?: string[];
  }
  interface Events {
    connect: CustomEvent;
    disconnect: CustomEvent<{ clean: boolean }>;
    securityfailure: CustomEvent<{ status: number; reason?: string }>;
    desktopname: CustomEvent<{ name: string }>;
  }
  export default class RFB {
    constructor(target: HTMLElement, url: string, options?: Options);
    scaleViewport: boolean;
    focusOnClick: boolean;
    background: string;
    addEventListener<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): void;
    disconnect(): void;
    focus(): void;
    sendCtrlAltDel(): void;
    /** X11 keysym, and the key's place on the keyboard where it is known. */
    sendKey(keysym: number, code: string | null, down?: boolean): void;
  }
}
