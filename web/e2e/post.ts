// A mail server that keeps what it is given (RFC 5321).
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";

export interface Letter {
  to: string;
  text: string;
}

export class Post {
  readonly letters: Letter[] = [];
  private readonly server: Server = createServer((socket) => void this.serve(socket));

  static async open(): Promise<Post> {
    const post = new Post();
    await new Promise<void>((resolve) => post.server.listen(0, "127.0.0.1", resolve));
    return post;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close() {
    this.server.close();
  }

  private async serve(socket: Socket) {
    socket.on("error", () => undefined);
    socket.write("220 test\r\n");
    let to = "";
    let text: string | undefined;
    for await (const line of createInterface({ input: socket })) {
      if (text !== undefined && line !== ".") {
        text += `${line}\n`;
        continue;
      }
      if (text !== undefined) {
        // Quoted-printable breaks long lines.
        this.letters.push({ to, text: text.replaceAll("=\n", "").replaceAll("=3D", "=") });
        text = undefined;
      }
      to = /^RCPT TO:<(.*)>/i.exec(line)?.[1] ?? to;
      if (/^DATA/i.test(line)) text = "";
      socket.write(text === undefined ? "250 ok\r\n" : "354 go on\r\n");
      if (/^QUIT/i.test(line)) socket.end();
    }
  }
}
