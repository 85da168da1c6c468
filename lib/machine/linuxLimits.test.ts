import { describe, expect, it } from "vitest";
import { linuxLimits } from "./linuxLimits.js";

const NEEDS = { connections: 18_000, descriptors: 19_100, backlog: 4_096 };
const LIMITS = (files: string): string => `Limit                     Soft Limit           Hard Limit           Units\nMax processes             96000                96000                processes\nMax open files            ${files.padEnd(21)}${files.padEnd(21)}files\n`;
const ENOUGH = {
  "/proc/self/limits": LIMITS("65536"),
  "/proc/sys/net/core/somaxconn": "4096\n",
  "/proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
  "/proc/sys/net/netfilter/nf_conntrack_max": "262144\n",
};
const told = (changed: Readonly<Record<string, string | undefined>>): string[] => {
  const files: Readonly<Record<string, string | undefined>> = { ...ENOUGH, ...changed };
  return linuxLimits(NEEDS, (path) => files[path]);
};

describe("the limits of Linux", () => {
  it("are enough where they are, where there is none, and where nothing can be read", () => {
    expect(told({})).toEqual([]);
    expect(told({ "/proc/self/limits": LIMITS("unlimited"), "/proc/sys/net/netfilter/nf_conntrack_max": undefined })).toEqual([]);
    expect(linuxLimits(NEEDS, () => undefined)).toEqual([]);
    expect(linuxLimits(NEEDS, () => "")).toEqual([]);
  });

  it.each([
    ["/proc/self/limits", LIMITS("1024"), "at most 1024 files may be open, and 18,000 connections need 19,100: raise it (ulimit -n"],
    ["/proc/sys/net/core/somaxconn", "128\n", "net.core.somaxconn is 128: "],
    ["/proc/sys/net/ipv4/ip_local_port_range", "50000\t60000\n", "net.ipv4.ip_local_port_range leaves 10,001 ports: "],
    ["/proc/sys/net/netfilter/nf_conntrack_max", "8192\n", "net.netfilter.nf_conntrack_max is 8,192: "],
  ])("that are too small are named, with what to do: %s", (path, content, sentence) => {
    const sentences = told({ [path]: content });
    expect(sentences).toHaveLength(1);
    expect(sentences[0]).toContain(sentence);
  });

  it("are read from this machine", () => {
    expect(linuxLimits({ connections: 0, descriptors: 0, backlog: 0 })).toEqual([]);
    if (process.platform === "linux") expect(linuxLimits({ connections: 1, descriptors: 2 ** 50, backlog: 0 })).toHaveLength(1);
  });
});
