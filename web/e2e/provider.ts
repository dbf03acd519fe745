// An OpenID Connect provider with one account, who agrees to everything (OpenID Connect Core 1.0, 3.1).
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

const LIFE_S = 300;

export class Provider {
  readonly client = "berth";
  readonly secret = "shared with the provider";
  readonly label = "Company login";
  /** Whose account it is. */
  email = "";
  private readonly keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
  /** What each code was given for. */
  private readonly nonces = new Map<string, string>();
  private readonly server: Server = createServer((asked, answer) => void this.serve(asked, answer));

  static async open(): Promise<Provider> {
    const provider = new Provider();
    await new Promise<void>((resolve) => provider.server.listen(0, "127.0.0.1", resolve));
    return provider;
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/company`;
  }

  close() {
    this.server.close();
  }

  private async serve(asked: IncomingMessage, answer: ServerResponse) {
    const url = new URL(asked.url ?? "/", this.issuer);
    const tell = (what: object) => {
      answer.setHeader("content-type", "application/json");
      answer.end(JSON.stringify(what));
    };
    switch (url.pathname) {
      case "/company/.well-known/openid-configuration":
        return tell(this.discovery());
      case "/company/keys": {
        const key = this.keys.publicKey.export({ format: "jwk" });
        return tell({ keys: [{ ...key, use: "sig", alg: "RS256", kid: "one" }] });
      }
      case "/company/authorize":
        answer.writeHead(303, { location: this.agree(url.searchParams) });
        return answer.end();
      case "/company/token": {
        const code = new URLSearchParams(await text(asked)).get("code") ?? "";
        return tell({ access_token: "x", token_type: "Bearer", id_token: this.token(code) });
      }
      default:
        answer.writeHead(404);
        return answer.end();
    }
  }

  private discovery() {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/keys`,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["RS256"],
      token_endpoint_auth_methods_supported: ["client_secret_basic"],
    };
  }

  /** Where the browser goes back to. */
  private agree(asked: URLSearchParams): string {
    const code = `code-${this.nonces.size}`;
    this.nonces.set(code, asked.get("nonce") ?? "");
    const back = new URL(asked.get("redirect_uri") ?? "");
    back.search = new URLSearchParams({ code, state: asked.get("state") ?? "" }).toString();
    return back.href;
  }

  private token(code: string): string {
    const now = Math.floor(Date.now() / 1000);
    const who = { sub: this.email, email: this.email, email_verified: true, name: "Somebody" };
    const times = { iat: now, auth_time: now, exp: now + LIFE_S };
    const claims = { iss: this.issuer, aud: this.client, nonce: this.nonces.get(code), ...who, ...times };
    const coded = (what: object) => Buffer.from(JSON.stringify(what)).toString("base64url");
    const said = `${coded({ alg: "RS256", kid: "one", typ: "JWT" })}.${coded(claims)}`;
    return `${said}.${sign("RSA-SHA256", Buffer.from(said), this.keys.privateKey).toString("base64url")}`;
  }
}
