import { expect, test } from "vitest";
import type { Connection } from "../connection.ts";
import { loopbackPair } from "./loopback-pair.ts";

/** A pair whose deliveries wait in a list until the test makes them. */
function steppedPair(): {
  server: Connection;
  client: Connection;
  log: string[];
  step: () => void;
  waiting: () => number;
} {
  const waiting: (() => void)[] = [];
  const log: string[] = [];
  const [server, client] = loopbackPair({
    subprotocol: "assay.v1+json",
    deliver: (action) => void waiting.push(action),
  });
  const ends = { server, client };
  for (const [name, end] of Object.entries(ends)) {
    end.attach({
      onMessage: (message) => void log.push(`${name} got ${String(message)}`),
      onFlushed: () => void log.push(`${name} has ${end.bufferedBytes}`),
      onViolation: (reason) => void log.push(`${name} saw ${reason}`),
      onClosed: (code, text) => void log.push(`${name} closed ${code} ${text}`),
    });
  }
  return { ...ends, log, step: () => waiting.shift()?.(), waiting: () => waiting.length };
}

test("nothing happens until it is delivered, and then in order", () => {
  const { server, client, log, step, waiting } = steppedPair();
  client.send("one");
  client.send("two");
  expect([log, client.bufferedBytes]).toEqual([[], 6]);
  step();
  expect(log.splice(0)).toEqual(["client has 3", "server got one"]);
  client.close(1000, "bye");
  client.send("too late");
  step();
  step();
  step();
  expect(log).toEqual(["client has 0", "server got two", "server closed 1000 bye", "client closed 1000 bye"]);
  server.send("too late as well");
  server.close(1000, "");
  client.terminate();
  expect(waiting()).toBe(0);
});

test("both ends may say goodbye at the same time", () => {
  const { server, client, log, step, waiting } = steppedPair();
  server.close(1001, "from the server");
  client.close(1000, "from the client");
  while (waiting() > 0) step();
  expect(log).toEqual(["client closed 1001 from the server", "server closed 1000 from the client"]);
});

test("a cut loses what was on its way, and both ends learn it", () => {
  const { server, client, log, step, waiting } = steppedPair();
  client.send("lost");
  server.terminate();
  expect(client.bufferedBytes).toBe(0);
  while (waiting() > 0) step();
  expect(log.toSorted()).toEqual(["client closed 1006 ", "server closed 1006 "]);
});
