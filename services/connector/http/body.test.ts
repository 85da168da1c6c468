import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../../test/helpers/eventually.js";
import { RpcError } from "../../../lib/errors/rpcError.js";
import { readBody } from "./body.js";

const MAX = 1_000;

describe("reading a body", () => {
  let server: Server;
  let port: number;
  let outcomes: string[];

  beforeEach(async () => {
    outcomes = [];
    server = createServer((request, response) => {
      readBody(request, MAX).then(
        (body) => {
          outcomes.push(String(body.length));
          response.end(body);
        },
        (error: unknown) => {
          outcomes.push(error instanceof RpcError ? error.reason : "gone");
          response.writeHead(413, { connection: "close" }).end();
        },
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it.each([0, 1, MAX])("gives all %i bytes", async (length) => {
    const response = await fetch(`http://127.0.0.1:${String(port)}/`, { method: "POST", body: Buffer.alloc(length, 7) });
    expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.alloc(length, 7))).toBe(true);
  });

  it("refuses a byte more, before the rest has come", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n");
    socket.write(Buffer.alloc(MAX + 1));
    const answer = await new Promise<string>((resolve) => socket.once("data", (data: Buffer) => { resolve(data.toString("utf8")); }));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(outcomes).toEqual(["TOO_LARGE"]);
    socket.destroy();
  });

  it("throws CANCELLED when the client goes away in the middle", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
    await new Promise((resolve) => server.once("request", resolve));
    socket.destroy();
    await eventually(() => outcomes.length > 0);
    expect(outcomes).toEqual(["CANCELLED"]);
  });
});
