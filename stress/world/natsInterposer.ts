import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What becomes of one message on its way from nats-server. */
export type Fate = "pass" | "drop" | "twice" | { readonly afterMs: number };

const END_OF_LINE = "\r\n";

/**
 * Stands between nats-server and those who connect through it, and decides about each message that is delivered to them.
 * What they send passes as it is.
 */
export class NatsInterposer {
  /** Decides, by the subject and by the whole message as it is on the wire. */
  decide: (subject: string, message: Buffer) => Fate = () => "pass";
  /** Messages that did not just pass. */
  touched = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor(target: number) {
    this.#server = createServer((near) => { this.#join(near, connect(target, "127.0.0.1")); });
  }

  /** Starts one before a port of loopback, on a free one. The caller stops it. */
  static async start(target: number): Promise<NatsInterposer> {
    const made = new NatsInterposer(target);
    await new Promise<void>((resolve) => made.#server.listen(0, "127.0.0.1", resolve));
    return made;
  }

  get url(): string {
    return `nats://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(near: Socket, far: Socket): void {
    for (const [socket, other] of [[near, far], [far, near]] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    near.on("data", (chunk: Buffer) => far.write(chunk));
    let rest: Buffer = Buffer.alloc(0);
    far.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let size = sizeOfFirst(rest); size > 0; size = sizeOfFirst(rest)) {
        this.#lead(rest.subarray(0, size), near);
        rest = rest.subarray(size);
      }
    });
  }

  #lead(whole: Buffer, near: Socket): void {
    const [verb = "", subject = ""] = whole.subarray(0, whole.indexOf(END_OF_LINE)).toString("latin1").split(" ");
    const fate = verb === "MSG" || verb === "HMSG" ? this.decide(subject, whole) : "pass";
    if (fate !== "pass") this.touched += 1;
    if (fate === "drop") return;
    const copy = Buffer.from(whole);
    if (typeof fate === "object") {
      setTimeout(() => { if (!near.destroyed) near.write(copy); }, fate.afterMs);
      return;
    }
    near.write(copy);
    if (fate === "twice") near.write(copy);
  }
}

/** The bytes of the first line and, where it announces one, its payload; 0: it is not whole. */
function sizeOfFirst(bytes: Buffer): number {
  const end = bytes.indexOf(END_OF_LINE);
  if (end === -1) return 0;
  const line = bytes.subarray(0, end).toString("latin1");
  const payload = /^H?MSG /.test(line) ? Number(line.split(" ").at(-1)) + END_OF_LINE.length : 0;
  const size = end + END_OF_LINE.length + payload;
  return bytes.length >= size ? size : 0;
}
