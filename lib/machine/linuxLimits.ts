import { readFileSync } from "node:fs";

/** What a process that serves many connections needs of the machine. */
export interface MachineNeeds {
  /** Connections that it takes, from however many addresses. */
  readonly connections: number;
  /** Files that it may have open at once, connections among them. */
  readonly descriptors: number;
  /** Connections that may wait to be accepted. */
  readonly backlog: number;
}

/** The text of a file, undefined where it can't be read. */
export type ReadFile = (path: string) => string | undefined;

/**
 * What Linux's settings are too small for, a sentence for each, with what to do; nothing on another system. Source of the
 * settings: proc(5), listen(2), ip(7), and the kernel's nf_conntrack-sysctl.
 */
export function linuxLimits(needs: MachineNeeds, read: ReadFile = readOrNothing): string[] {
  const { connections, descriptors, backlog } = needs;
  const files = /^Max open files\s+(\d+)/m.exec(read("/proc/self/limits") ?? "")?.[1];
  const somaxconn = numberIn(read("/proc/sys/net/core/somaxconn"));
  const [lowest = NaN, highest = NaN] = (read("/proc/sys/net/ipv4/ip_local_port_range") ?? "").trim().split(/\s+/).map(Number);
  const tracked = numberIn(read("/proc/sys/net/netfilter/nf_conntrack_max"));
  const ports = highest - lowest + 1;
  const sentences: string[] = [];
  // "unlimited" is no number, and no fault.
  if (files !== undefined && Number(files) < descriptors) {
    sentences.push(`at most ${files} files may be open, and ${text(connections)} connections need ${text(descriptors)}: raise it (ulimit -n, LimitNOFILE= of systemd, ulimits: nofile of docker-compose)`);
  }
  if (somaxconn < backlog) {
    sentences.push(`net.core.somaxconn is ${text(somaxconn)}: where more clients come at the same moment, the kernel turns them away; set it to ${text(backlog)} or more (sysctl)`);
  }
  if (ports < connections) {
    sentences.push(`net.ipv4.ip_local_port_range leaves ${text(ports)} ports: a proxy on this machine reaches this address with no more connections than that, and ${text(connections)} are allowed; widen it (sysctl)`);
  }
  if (tracked < connections) {
    sentences.push(`net.netfilter.nf_conntrack_max is ${text(tracked)}: the firewall drops connections beyond, and ${text(connections)} are allowed; raise it (sysctl)`);
  }
  return sentences;
}

/** NaN, which is smaller than nothing, where there is none. */
function numberIn(content: string | undefined): number {
  return content === undefined ? NaN : Number(content.trim() || NaN);
}

function text(number: number): string {
  return number.toLocaleString("en-US");
}

function readOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
