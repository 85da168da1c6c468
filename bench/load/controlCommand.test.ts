import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { controlCommand, onControlCommands } from "./controlCommand.js";

describe("onControlCommands", () => {
  it("finds every command, wherever the reads are cut", () => {
    const bytes = Buffer.concat([controlCommand(1, 0), controlCommand(100, 999), controlCommand(255, 65_535)]);
    for (const piece of [1, 2, 4, bytes.length]) {
      const socket = new Socket();
      const commands: [number, number][] = [];
      onControlCommands(socket, (burst, channel) => commands.push([burst, channel]));
      for (let at = 0; at < bytes.length; at += piece) socket.emit("data", bytes.subarray(at, at + piece));
      expect(commands).toEqual([[1, 0], [100, 999], [255, 65_535]]);
    }
  });
});
