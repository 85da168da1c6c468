/** A page of nats-server that lists who is connected. */
interface ConnectionsPage {
  readonly connections: readonly { readonly name?: string; readonly subscriptions: number }[];
}

/** A service by the name that it gives to NATS, and how many subscriptions it has there. */
export interface Interest {
  readonly name: string;
  readonly subscriptions: number;
}

/** What nats-servers say of the services' subscriptions, each connection one entry. Servers that don't answer are left out. */
export async function readInterest(monitorPorts: readonly number[]): Promise<Interest[]> {
  const pages = await Promise.all(monitorPorts.map(readPage));
  return pages.flatMap(({ connections }) => connections.flatMap(({ name = "", subscriptions }) => (name.startsWith("halley-") ? [{ name, subscriptions }] : [])));
}

async function readPage(port: number): Promise<ConnectionsPage> {
  try {
    return (await (await fetch(`http://127.0.0.1:${String(port)}/connz?limit=10000`)).json()) as ConnectionsPage;
  } catch {
    return { connections: [] };
  }
}
