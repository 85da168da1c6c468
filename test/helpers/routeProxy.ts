import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What the routes of a cluster do between two servers. */
export interface RouteFaults {
  /** Cuts the routes between two servers, by their names, and lets no new ones through. */
  cut(one: string, other: string): void;
  /** Lets them through again. */
  heal(one: string, other: string): void;
  /** Lets all through again. */
  healAll(): void;
  /** Delays everything on all routes by so long, each way. */
  delayMs: number;
  /**
   * Beside that, delays what belongs to accounts (interest and messages), and not what belongs to the system (questions to
   * JetStream and their answers), which travels on connections of its own.
   */
  accountsMs: number;
  /** The other way round: delays what belongs to the system, by which replicas follow their leader, too. */
  systemMs: number;
}

interface Route {
  readonly near: Socket;
  readonly far: Socket;
  /** The names of both ends, as far as they have said them. */
  readonly names: Set<string>;
  isOfSystem: boolean;
}

/**
 * What stands before the cluster port of each server: all routes lead through it, whoever opens them. A server says its
 * name in the first line that it sends, which tells between whom a route is.
 */
export class RouteProxies implements RouteFaults {
  delayMs = 0;
  accountsMs = 0;
  systemMs = 0;
  readonly #routes = new Set<Route>();
  readonly #cut = new Set<string>();
  readonly #servers: Server[] = [];

  /** Opens a proxy before a port that may not be known yet; gives its own. */
  async open(target: () => number): Promise<number> {
    const server = createServer((near) => { this.#join(near, connect(target(), "127.0.0.1")); });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  cut(one: string, other: string): void {
    this.#cut.add(pairOf(one, other));
    for (const route of [...this.#routes]) this.#checkCut(route);
  }

  heal(one: string, other: string): void {
    this.#cut.delete(pairOf(one, other));
  }

  healAll(): void {
    this.#cut.clear();
  }

  /** Ends all. */
  async stop(): Promise<void> {
    for (const route of [...this.#routes]) this.#end(route);
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #join(near: Socket, far: Socket): void {
    const route: Route = { near, far, names: new Set(), isOfSystem: false };
    this.#routes.add(route);
    this.#lead(route, near, far);
    this.#lead(route, far, near);
  }

  #lead(route: Route, from: Socket, to: Socket): void {
    let isNamed = false;
    from.on("data", (chunk: Buffer) => {
      if (!isNamed) {
        const text = chunk.toString("latin1");
        route.isOfSystem ||= text.includes('"route_account":"$SYS"');
        const name = /"server_name":"([^"]+)"/.exec(text)?.[1];
        if (name !== undefined) {
          isNamed = true;
          route.names.add(name);
          this.#checkCut(route);
        }
      }
      const delayMs = this.delayMs + (route.isOfSystem ? this.systemMs : this.accountsMs);
      if (delayMs === 0) to.write(chunk);
      else setTimeout(() => { if (!to.destroyed) to.write(chunk); }, delayMs);
    });
    from.on("close", () => { this.#end(route); });
    from.on("error", () => { this.#end(route); });
  }

  #checkCut(route: Route): void {
    const [one, other] = [...route.names];
    if (one !== undefined && other !== undefined && this.#cut.has(pairOf(one, other))) this.#end(route);
  }

  #end(route: Route): void {
    if (!this.#routes.delete(route)) return;
    route.near.destroy();
    route.far.destroy();
  }
}

function pairOf(one: string, other: string): string {
  return [one, other].sort().join(" ");
}
