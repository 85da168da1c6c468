const NAME = /^[!-9;-~]+$/;
const LINE_BREAK = /[\r\n]/;
const BEGIN = "NATS/1.0\r\n";

/**
 * The headers of a message to be published, written down as they travel: nothing is parsed, ordered or looked up, which took the
 * publish service as long as all of its checks.
 */
export class PublishHeaders {
  #text = BEGIN;

  /** Adds a header. Throws where the name is none, or the value holds a line break. */
  add(name: string, value: string): void {
    if (!NAME.test(name)) throw new Error(`'${name}' can't be the name of a header`);
    if (LINE_BREAK.test(value)) throw new Error(`the value of the header ${name} holds a line break`);
    this.#text += `${name}: ${value}\r\n`;
  }

  /** The value of the first header of that name, "" when there is none. */
  get(name: string): string {
    const line = `\n${name}: `;
    const at = this.#text.indexOf(line);
    return at === -1 ? "" : this.#text.slice(at + line.length, this.#text.indexOf("\r", at));
  }

  /** All of them as bytes. */
  encode(): Uint8Array {
    return Buffer.from(`${this.#text}\r\n`);
  }
}

/** Makes headers of values by name; undefined ones are left out. Throws as `add` does. */
export function makeHeaders(values: Readonly<Record<string, string | undefined>>): PublishHeaders {
  const made = new PublishHeaders();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) made.add(name, value);
  }
  return made;
}
