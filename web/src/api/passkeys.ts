// What the browser does with passkeys. Options and answers are in WebAuthn's own JSON, as browsers read and write it.

/** Nothing came of it: whoever was asked said no, or had none, or took too long. */
export class NoPasskey extends Error {
  constructor(
    /** The authenticator has one of this account already. */
    readonly isThere: boolean,
  ) {
    super("no passkey");
  }
}

/** Whether this browser can. */
export function hasPasskeys(): boolean {
  return (
    typeof PublicKeyCredential === "function" &&
    "parseCreationOptionsFromJSON" in PublicKeyCredential &&
    "parseRequestOptionsFromJSON" in PublicKeyCredential
  );
}

export async function makePasskey(options: object): Promise<Record<string, unknown>> {
  const json = options as PublicKeyCredentialCreationOptionsJSON;
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(json);
  return shown(navigator.credentials.create({ publicKey }));
}

export async function showPasskey(options: object): Promise<Record<string, unknown>> {
  const json = options as PublicKeyCredentialRequestOptionsJSON;
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(json);
  return shown(navigator.credentials.get({ publicKey }));
}

async function shown(asked: Promise<Credential | null>): Promise<Record<string, unknown>> {
  const credential = await asked.catch((error: unknown) => {
    throw new NoPasskey(error instanceof DOMException && error.name === "InvalidStateError");
  });
  if (!credential) throw new NoPasskey(false);
  return { ...(credential as PublicKeyCredential).toJSON() };
}
