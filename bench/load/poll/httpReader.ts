/** An answer in a buffer: its status line stands at `from`, its body from `bodyAt` to `to`. Valid until the reader is called again. */
export interface HttpAnswer {
  readonly bytes: Buffer;
  readonly from: number;
  readonly bodyAt: number;
  readonly to: number;
}

const HEAD_END = Buffer.from("\r\n\r\n");
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;

/** Takes apart the answers of one kept-alive HTTP/1.1 connection. Made to cost little; throws where an answer has no Content-Length. */
export class HttpReader {
  #rest: Buffer | undefined;

  /** Reads the first `length` bytes of `bytes`; nothing of them is kept by reference. */
  read(bytes: Buffer, length: number, onAnswer: (answer: HttpAnswer) => void): void {
    const whole = this.#rest ? Buffer.concat([this.#rest, bytes.subarray(0, length)]) : bytes.subarray(0, length);
    this.#rest = undefined;
    let from = 0;
    while (from < whole.length) {
      const headEnd = whole.indexOf(HEAD_END, from);
      const bodyAt = headEnd + HEAD_END.length;
      const to = headEnd === -1 ? Infinity : bodyAt + bodyLength(whole.toString("latin1", from, headEnd));
      if (to > whole.length) {
        this.#rest = Buffer.from(whole.subarray(from));
        return;
      }
      onAnswer({ bytes: whole, from, bodyAt, to });
      from = to;
    }
  }
}

function bodyLength(head: string): number {
  if (head.startsWith("HTTP/1.1 204") || head.startsWith("HTTP/1.1 304")) return 0;
  const length = CONTENT_LENGTH.exec(head)?.[1];
  if (length === undefined) throw new Error(`an answer has no Content-Length: ${head.split("\r\n")[0] ?? ""}`);
  return Number(length);
}
