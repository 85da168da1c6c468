import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { GetStatsRequest, GetStatsResponse, GetUsersRequest, GetUsersResponse, PresenceServiceService, type UserPresence } from "../../../gen/halley/v1/presence.js";

/** Of every call, in milliseconds. */
export const DEADLINE_MS = 20_000;

/** A client of the presence service. */
export class PresenceClient {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(port: number, apiKey: string) {
    this.#client = new Client(`127.0.0.1:${String(port)}`, credentials.createInsecure(), { "grpc.max_receive_message_length": -1 });
    this.#metadata.set("authorization", `Bearer ${apiKey}`);
  }

  /** Asks for users; `onAnswer` is called before the answer is decoded. */
  async users(userIds: readonly string[], onAnswer: () => void = () => undefined): Promise<readonly UserPresence[]> {
    const answer = await this.#call(PresenceServiceService.getUsers.path, GetUsersRequest.encode({ userIds: [...userIds] }).finish());
    onAnswer();
    return GetUsersResponse.decode(answer).users;
  }

  /** How many sessions the service knows of. */
  async sessions(): Promise<number> {
    return GetStatsResponse.decode(await this.#call(PresenceServiceService.getStats.path, GetStatsRequest.encode({}).finish())).sessions;
  }

  close(): void {
    this.#client.close();
  }

  #call(path: string, request: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const asIs = (bytes: Buffer): Buffer => bytes;
      this.#client.makeUnaryRequest(path, asIs, asIs, Buffer.from(request), this.#metadata, { deadline: Date.now() + DEADLINE_MS }, (error, response) => {
        if (error || !response) reject(error ?? new Error("an empty answer"));
        else resolve(response);
      });
    });
  }
}
