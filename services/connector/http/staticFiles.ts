import { readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";

/** A file that is served at one path. */
export interface StaticFile {
  readonly path: string;
  readonly file: string;
  readonly contentType: string;
}

/** Files read once and served from memory. */
export class StaticFiles {
  readonly #files = new Map<string, { readonly content: Buffer; readonly contentType: string }>();

  /** Throws when a file can't be read. */
  constructor(files: readonly StaticFile[]) {
    for (const { path, file, contentType } of files) this.#files.set(path, { content: readFileSync(file), contentType });
  }

  /** Answers when there is such a file; false otherwise. */
  serve(path: string, response: ServerResponse): boolean {
    const found = this.#files.get(path);
    if (!found) return false;
    response.writeHead(200, {
      "content-type": found.contentType,
      "content-length": found.content.length,
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; frame-ancestors 'none'",
    });
    response.end(found.content);
    return true;
  }
}
