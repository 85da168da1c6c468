// A process: the least that a unary call can cost here. A bare @grpc/grpc-js server that answers an empty message at once,
// with no interceptor, no key, no check.
import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall } from "@grpc/grpc-js";
import { EMPTY_CALL_PATH } from "../load/emptyCaller.js";
import { serveCommands } from "../process/commands.js";

const NOTHING = Buffer.alloc(0);
const asIs = (bytes: Buffer): Buffer => bytes;

function answer(_: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void {
  done(null, NOTHING);
}

/** Listens on a free port. */
async function start(): Promise<{ port: number }> {
  const server = new Server();
  const method = { path: EMPTY_CALL_PATH, requestStream: false, responseStream: false, requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs };
  server.addService({ empty: method }, { empty: answer });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  return { port };
}

const commands = { start };
/** What the floor can be asked. */
export type EmptyCallsCommands = typeof commands;

serveCommands(commands);
