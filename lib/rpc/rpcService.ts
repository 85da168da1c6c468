import type { CallContext } from "./callContext.js";

/** One method as ts-proto generates it (`outputServices=grpc-js`). */
export interface GeneratedMethod {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: never) => Buffer;
}

/** A service as ts-proto generates it: `PublishServiceService`. */
export type GeneratedService = Readonly<Record<string, GeneratedMethod>>;

type RequestOf<M extends GeneratedMethod> = ReturnType<M["requestDeserialize"]>;
type ResponseOf<M extends GeneratedMethod> = Parameters<M["responseSerialize"]>[0];
type Input<M extends GeneratedMethod> = M extends { readonly requestStream: true } ? AsyncIterable<readonly RequestOf<M>[]> : RequestOf<M>;
type Output<M extends GeneratedMethod> = M extends { readonly responseStream: true } ? AsyncIterable<readonly ResponseOf<M>[]> : Promise<ResponseOf<M>>;

/**
 * What implements a generated service: a function per method. It takes the request, or the requests as an async iterable
 * that throws when the call ends early; it gives a promise of the response, or the responses as an async generator, which
 * is asked for more only when the caller has room for it. Streams come and go in pieces of one or more messages, those that are
 * there together: to wait for each alone costs more than to handle it. What it throws is told to the caller (lib/rpc/status).
 */
export type Handlers<S extends GeneratedService> = {
  readonly [Name in keyof S]: (input: Input<S[Name]>, context: CallContext) => Output<S[Name]>;
};

/** A method and what implements it, with the types taken off. */
export interface BoundMethod {
  readonly definition: GeneratedMethod;
  readonly handler: (input: unknown, context: CallContext) => Promise<unknown> | AsyncIterable<readonly unknown[]>;
  readonly serialize: (response: unknown) => Buffer;
}

/** A service that a server can serve. */
export interface RpcService {
  /** The full name: `halley.v1.PublishService`. */
  readonly name: string;
  readonly methods: readonly BoundMethod[];
}

/** Binds handlers to a generated service. */
export function bindService<S extends GeneratedService>(service: S, handlers: Handlers<S>): RpcService {
  const methods = Object.entries(service).map(([name, definition]): BoundMethod => ({
    definition,
    handler: handlers[name] as BoundMethod["handler"],
    serialize: definition.responseSerialize as BoundMethod["serialize"],
  }));
  return { name: methods[0]?.definition.path.split("/")[1] ?? "", methods };
}
