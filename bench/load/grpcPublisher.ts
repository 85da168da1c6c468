import { Client, type ClientDuplexStream, credentials, Metadata } from "@grpc/grpc-js";
import { PublishBatchRequest, PublishBatchResponse, PublishRequest, PublishResponse, type PublishResult, PublishServiceService, PublishStreamRequest, PublishStreamResponse } from "../../gen/halley/v1/publish.js";
import type { Way } from "./rateRun.js";
import { UnaryCaller } from "./unaryCaller.js";

/** What is published. */
export interface Messages {
  /** In turn. */
  readonly channels: readonly string[];
  readonly payload: string;
}

/** Calls without an answer at a time. */
export const UNARY_IN_FLIGHT = 128;
const BATCHES_IN_FLIGHT = 8;
const BATCH = 100;
/** As many as the service reads ahead. */
const STREAM_IN_FLIGHT = 1_024;
/** Of every call. */
export const DEADLINE_MS = 20_000;

const asIs = (bytes: Buffer): Buffer => bytes;

/** A client of the publish service that sends requests which were encoded beforehand, so that it costs less than the service. */
export class GrpcPublisher {
  readonly unary: Way;
  readonly batch: Way;
  readonly stream: Way;
  readonly #caller: UnaryCaller;
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor({ port, apiKey, channels, payload }: Messages & { readonly port: number; readonly apiKey: string }) {
    this.#client = new Client(`127.0.0.1:${String(port)}`, credentials.createInsecure());
    this.#caller = new UnaryCaller(port, { path: PublishServiceService.publish.path, apiKey });
    this.#metadata.set("authorization", `Bearer ${apiKey}`);
    const requests = channels.map((channel) => requestOf(channel, payload));
    this.unary = this.#unary(requests.map((request) => Buffer.from(PublishRequest.encode(request).finish())));
    const batch = Array.from({ length: BATCH }, (_, index) => requests[index % requests.length]!);
    this.batch = this.#batch(Buffer.from(PublishBatchRequest.encode({ requests: batch }).finish()));
    this.stream = this.#stream(requests.map((publish, id) => Buffer.from(PublishStreamRequest.encode({ id, publish }).finish())));
  }

  /** Publishes one message, with as little work here as can be; resolves when it is stored. */
  async publishOne(channel: string, payload: string): Promise<void> {
    const response = await this.#caller.call(PublishRequest.encode(requestOf(channel, payload)).finish());
    if (!PublishResponse.decode(response).position) throw new Error("a message was not stored");
  }

  #unary(requests: readonly Buffer[]): Way {
    let next = 0;
    return {
      inFlight: UNARY_IN_FLIGHT,
      send: (onAcknowledged, onFailure) => {
        const request = requests[next++ % requests.length]!;
        this.#call(PublishServiceService.publish.path, request, (response) => {
          if (PublishResponse.decode(response).position) onAcknowledged(1);
          else onFailure(new Error("a message was not stored"));
        }, onFailure);
      },
    };
  }

  #batch(request: Buffer): Way {
    return {
      inFlight: BATCHES_IN_FLIGHT,
      send: (onAcknowledged, onFailure) => {
        this.#call(PublishServiceService.publishBatch.path, request, (response) => {
          const { results } = PublishBatchResponse.decode(response);
          if (results.length === BATCH && results.every(isStored)) onAcknowledged(BATCH);
          else onFailure(new Error(`not all of a batch was stored: ${JSON.stringify(results.find((result) => !isStored(result)))}`));
        }, onFailure);
      },
    };
  }

  #stream(requests: readonly Buffer[]): Way {
    let stream: ClientDuplexStream<Buffer, Buffer> | undefined;
    let next = 0;
    // Acknowledgements come in the order of the messages.
    let handlers: Parameters<Way["send"]> | undefined;
    const open = (): ClientDuplexStream<Buffer, Buffer> => {
      const opened = this.#client.makeBidiStreamRequest(PublishServiceService.publishStream.path, asIs, asIs, this.#metadata);
      opened.on("data", (response: Buffer) => {
        const { result } = PublishStreamResponse.decode(response);
        if (isStored(result)) handlers?.[0](1);
        else handlers?.[1](new Error(`a message of a stream was not stored: ${JSON.stringify(result)}`));
      });
      opened.on("error", (error) => handlers?.[1](error));
      return opened;
    };
    return {
      inFlight: STREAM_IN_FLIGHT,
      send: (...given) => {
        handlers = given;
        stream ??= open();
        stream.write(requests[next++ % requests.length]!);
      },
    };
  }

  #call(path: string, request: Buffer, onResponse: (response: Buffer) => void, onFailure: (error: Error) => void): void {
    this.#client.makeUnaryRequest(path, asIs, asIs, request, this.#metadata, { deadline: Date.now() + DEADLINE_MS }, (error, response) => {
      if (error || !response) onFailure(error ?? new Error("an empty answer"));
      else onResponse(response);
    });
  }
}

function requestOf(channel: string, payload: string): PublishRequest {
  return PublishRequest.fromPartial({ target: { $case: "channel", value: channel }, message: { payload: { $case: "json", value: payload } } });
}

function isStored(result: PublishResult | undefined): boolean {
  return result?.outcome?.$case === "published" && result.outcome.value.position !== undefined;
}
