import { type DescMessage, fromBinary, type Message, type Registry, toBinary, toJsonString } from "@bufbuild/protobuf";

/** A payload that was checked, completely. Its two forms are made when they are asked for, once. */
export interface CheckedPayload {
  /** In one line. With a registered type its canonical JSON; else the text as it was given, line breaks turned into spaces. */
  readonly json: string;
  /** The bytes of the registered type, shared with what was given where that was bytes; undefined without a registered type. */
  readonly protobuf: Uint8Array | undefined;
}

/** JSON without a registered type. */
export class UntypedPayload implements CheckedPayload {
  readonly json: string;
  readonly protobuf = undefined;

  constructor(json: string) {
    this.json = json;
  }
}

/** A message of a registered type. */
export class TypedPayload implements CheckedPayload {
  readonly #desc: DescMessage;
  readonly #registry: Registry;
  #message: Message | undefined;
  #json: string | undefined;
  #protobuf: Uint8Array | undefined;

  /** Takes the message, its bytes, or both. */
  constructor(desc: DescMessage, registry: Registry, { message, protobuf }: { message?: Message; protobuf?: Uint8Array }) {
    this.#desc = desc;
    this.#registry = registry;
    this.#message = message;
    this.#protobuf = protobuf;
  }

  get json(): string {
    this.#json ??= toJsonString(this.#desc, this.#decoded(), { registry: this.#registry });
    return this.#json;
  }

  get protobuf(): Uint8Array {
    this.#protobuf ??= toBinary(this.#desc, this.#decoded());
    return this.#protobuf;
  }

  /** Makes both forms now. Throws where the message has none. */
  convert(): void {
    this.#json ??= this.json;
    this.#protobuf ??= this.protobuf;
  }

  #decoded(): Message {
    this.#message ??= fromBinary(this.#desc, this.#protobuf ?? new Uint8Array());
    return this.#message;
  }
}
