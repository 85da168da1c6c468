import { type CallOptions, type Client, type ClientReadableStream, credentials, loadPackageDefinition, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { PROTO_FOLDERS } from "./protoFolders.js";

/** A call that is not answered by then has failed, in milliseconds. */
const CALL_LIMIT_MS = 10_000;

/** A message as proto-loader gives it: field names in camelCase, 64-bit integers as decimal strings, enums as names. */
export type DynamicMessage = Readonly<Record<string, unknown>>;

/** Which service, where, as whom. */
export interface GrpcTarget {
  /** "PublishService", of package halley.v1. */
  readonly service: string;
  /** The file in proto/halley/v1 that holds it. */
  readonly file: string;
  /** "127.0.0.1:50051". */
  readonly address: string;
  readonly apiKey: string;
}

/** A gRPC client without generated code: reads the .proto files when it is made. */
export class DynamicClient {
  readonly #client: Client;
  readonly #methods: Readonly<Record<string, unknown>>;
  readonly #target: GrpcTarget;
  readonly #metadata = new Metadata();

  constructor(target: GrpcTarget) {
    const options = { longs: String, enums: String, defaults: true, oneofs: true, includeDirs: [...PROTO_FOLDERS] };
    const definition = loadPackageDefinition(loadSync(`halley/v1/${target.file}`, options));
    const constructor = memberOf(memberOf(memberOf(definition, "halley"), "v1"), target.service) as new (address: string, how: unknown) => Client;
    this.#target = target;
    this.#client = new constructor(target.address, credentials.createInsecure());
    this.#methods = this.#client as unknown as Record<string, unknown>;
    this.#metadata.set("authorization", `Bearer ${target.apiKey}`);
  }

  /** Calls a unary method by its name in the .proto file, first letter small. Throws a sentence. */
  call(method: string, request: DynamicMessage): Promise<DynamicMessage> {
    return new Promise((resolve, reject) => {
      const options: CallOptions = { deadline: Date.now() + CALL_LIMIT_MS };
      const done = (error: ServiceError | null, response?: DynamicMessage): void => {
        if (error || !response) reject(this.#sentence(error));
        else resolve(response);
      };
      this.#method(method)(request, this.#metadata, options, done);
    });
  }

  /** Calls a server-streaming method; ends when the server ends it. Throws a sentence. */
  async *watch(method: string, request: DynamicMessage): AsyncGenerator<DynamicMessage> {
    const stream = this.#method(method)(request, this.#metadata) as ClientReadableStream<unknown>;
    try {
      for await (const message of stream) yield message as DynamicMessage;
    } catch (error) {
      throw this.#sentence(error as ServiceError);
    }
  }

  /** Ends the connection. */
  close(): void {
    this.#client.close();
  }

  #method(name: string): (...given: unknown[]) => unknown {
    return (this.#methods[name] as (...given: unknown[]) => unknown).bind(this.#client);
  }

  #sentence(error: ServiceError | null): Error {
    const { address } = this.#target;
    if (error?.code === status.UNAVAILABLE && /ECONNREFUSED|No connection established|ENOTFOUND|EAI_AGAIN/.test(error.details)) {
      return new Error(`nothing answers on ${address}: start it (make run), or name another --address`, { cause: error });
    }
    return new Error(error ? `${status[error.code]}: ${error.details}` : `${address} gave an empty answer`, { cause: error });
  }
}

function memberOf(value: unknown, name: string): unknown {
  return (value as Record<string, unknown>)[name];
}
