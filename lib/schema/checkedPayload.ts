import { type DescMessage, fromBinary, fromJsonString, type Message, type Registry, toBinary, toJsonString } from "@bufbuild/protobuf";

/** A payload that was checked, completely. Its two forms are made when they are asked for, once. */
export interface CheckedPayload {
  /** In one line. With a registered type its canonical JSON; else the text as it was given, line breaks turned into spaces. */
  readonly json: string;
  /** The bytes of the registered type, shared with what was given where that was bytes; undefined without a registered type. */
  readonly protobuf: Uint8Array | undefined;
  /** The forms that there are now, in bytes. */
  readonly heldBytes: number;
  /** Lets go of what it was made from, and of the decoded message; the forms that are left are its own. For what is kept. */
  own(): void;
}

/** JSON without a registered type. */
export class UntypedPayload implements CheckedPayload {
  readonly json: string;
  readonly protobuf = undefined;
  readonly heldBytes: number;

  constructor(json: string) {
    this.json = json;
    this.heldBytes = Buffer.byteLength(json);
  }

  own(): void {
    // The text is all that there is.
  }
}

/** A message of a registered type. */
export class TypedPayload implements CheckedPayload {
  readonly #desc: DescMessage;
  readonly #registry: Registry;
  /** Until a form was made of it: it may take many times their memory. */
  #message: Message | undefined;
  #json: string | undefined;
  #protobuf: Uint8Array | undefined;

  /** Takes the message, or its bytes. */
  constructor(desc: DescMessage, registry: Registry, { message, protobuf }: { message?: Message; protobuf?: Uint8Array }) {
    this.#desc = desc;
    this.#registry = registry;
    this.#message = message;
    this.#protobuf = protobuf;
  }

  get json(): string {
    if (this.#json === undefined) {
      this.#json = toJsonString(this.#desc, this.#decode(), { registry: this.#registry });
      this.#message = undefined;
    }
    return this.#json;
  }

  get protobuf(): Uint8Array {
    if (this.#protobuf === undefined) {
      this.#protobuf = toBinary(this.#desc, this.#decode());
      this.#message = undefined;
    }
    return this.#protobuf;
  }

  get heldBytes(): number {
    return (this.#json === undefined ? 0 : Buffer.byteLength(this.#json)) + (this.#protobuf?.length ?? 0);
  }

  own(): void {
    // Bytes of a message that came are a part of all that came with it.
    if (this.#protobuf) this.#protobuf = new Uint8Array(this.#protobuf);
    else this.#json ??= this.json;
  }

  /** Makes both forms now. Throws where the message has none. */
  convert(): void {
    const message = this.#decode();
    this.#json ??= toJsonString(this.#desc, message, { registry: this.#registry });
    this.#protobuf ??= toBinary(this.#desc, message);
    this.#message = undefined;
  }

  #decode(): Message {
    if (this.#message) return this.#message;
    if (this.#json !== undefined) return fromJsonString(this.#desc, this.#json, { registry: this.#registry });
    return fromBinary(this.#desc, this.#protobuf ?? new Uint8Array());
  }
}
