// Free loopback ports below the ephemeral range, and apart from those the Rust tests walk through.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

const tcpFree = (port) =>
  new Promise((done) => {
    const server = createServer();
    server.once("error", () => done(false));
    server.listen(port, "127.0.0.1", () => server.close(() => done(true)));
  });
const udpFree = (port) =>
  new Promise((done) => {
    const socket = createSocket("udp4");
    socket.once("error", () => done(false));
    socket.bind(port, "127.0.0.1", () => socket.close(() => done(true)));
  });

const FIRST = 30_600;
const LAST = 32_600;
let next = FIRST + (process.pid % 40) * 40;

/** The first of `count` neighbouring ports that are free now; even, as RTP wants it. */
export async function ports(count = 1) {
  for (let tries = 0; tries < 400; tries += 1) {
    if (next + count > LAST) next = FIRST;
    const first = next;
    next += count + (count % 2);
    const free = await Promise.all(Array.from({ length: count }, async (_, n) => (await tcpFree(first + n)) && udpFree(first + n)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports`);
}
