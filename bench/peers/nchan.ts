import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { GuardedChild } from "../../cli/nats/guardedChild.js";
import type { Contender } from "../contenders/contender.js";
import type { PartContext } from "../part.js";
import { freePort } from "./freePort.js";
import type { Peer } from "./peer.js";
import { readIfThere, until } from "./until.js";

/** Where Debian's packages are: installed, or as `scripts/require.sh peers` unpacks them. */
const PLACES = ["/", resolve(".tools", "nchan")];
/** nchan makes a folder in there, whatever its settings say. */
const STATE = "/var/lib/nginx/body";

/** nginx with the nchan module, as Debian has them. */
export const nchan: Peer = {
  name: "nchan",
  missing: async () => {
    const root = place();
    if (root === undefined) return "nginx with nchan is not there (scripts/require.sh peers gets it on Debian)";
    return (await canBeRun(programIn(root))) ? undefined : "nginx can't be run";
  },
  start,
};

function place(): string | undefined {
  return existsSync(STATE) ? PLACES.find((root) => existsSync(programIn(root)) && existsSync(moduleIn(root))) : undefined;
}

/** Unpacked, it may lack libraries. */
async function canBeRun(program: string): Promise<boolean> {
  try {
    await promisify(execFile)(program, ["-v"], { timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

const programIn = (root: string): string => join(root, "usr/sbin/nginx");
const moduleIn = (root: string): string => join(root, "usr/lib/nginx/modules/ngx_nchan_module.so");

async function start({ folder, signal }: PartContext): Promise<Contender> {
  const root = place();
  if (root === undefined) throw new Error("nginx with nchan is not there");
  const own = join(folder, "nchan");
  mkdirSync(own, { recursive: true });
  const port = await freePort();
  const file = join(own, "nginx.conf");
  writeFileSync(file, configuration(moduleIn(root), port));
  const program = new GuardedChild(programIn(root), ["-c", file, "-p", own, "-e", join(own, "error.log")]);
  try {
    const pids = { server: await until(program, () => processesIn(own, port), signal) };
    return {
      name: "nchan",
      port,
      dialect: "nchan",
      pids,
      settle: () => Promise.resolve(),
      source: ({ channels, payload }) => Promise.resolve({ way: "http", port, paths: channels.map((channel) => `/publish/${channel}`), payload }),
      stop: () => program.stop(),
    };
  } catch (error) {
    await program.stop();
    throw error;
  }
}

/** The master and its worker, when both are there and take connections. */
async function processesIn(folder: string, port: number): Promise<readonly number[] | undefined> {
  if (!(await isListening(port))) return undefined;
  const master = readIfThere(join(folder, "nginx.pid")).trim();
  const workers = master === "" ? "" : readIfThere(`/proc/${master}/task/${master}/children`).trim();
  return workers === "" ? undefined : [master, ...workers.split(" ")].map(Number);
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function configuration(module: string, port: number): string {
  return `load_module ${module};
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 19000; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  nchan_shared_memory_size 256M;
  server {
    listen 127.0.0.1:${String(port)} backlog=4096;
    location ~ ^/subscribe/(.+)$ {
      nchan_subscriber websocket;
      nchan_channel_id $1;
      nchan_store_messages off;
      nchan_websocket_ping_interval 25s;
    }
    location ~ ^/publish/(.+)$ {
      nchan_publisher http;
      nchan_channel_id $1;
      nchan_store_messages off;
    }
  }
}
`;
}
