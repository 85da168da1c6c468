import { type Agent, request } from "node:http";

/** What was answered. */
export interface Answer {
  readonly isOk: boolean;
  readonly status: number;
  readonly text: string;
}

/** Posts to a port of loopback, on a connection of this agent's. Rejects when the connection breaks or the signal is aborted. */
export function post(url: { readonly port: number; readonly path: string }, body: string, { agent, signal }: { readonly agent: Agent; readonly signal: AbortSignal }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...url, host: "127.0.0.1", method: "POST", agent, signal, headers: { "content-length": Buffer.byteLength(body) } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const { statusCode: status = 0 } = response;
        resolve({ isOk: status >= 200 && status < 300, status, text: Buffer.concat(chunks).toString("utf8") });
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
