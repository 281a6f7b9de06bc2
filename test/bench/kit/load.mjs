/** A load generator in a process of its own: node load.mjs URL CONNECTIONS SECONDS. Prints requests, failures and seconds as JSON. */
import { connect } from "node:net";

const [address, connections, seconds] = process.argv.slice(2);
const url = new URL(address);
const text = Buffer.from(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
const began = performance.now();
const endsAt = began + Number(seconds) * 1000;
let requests = 0;
let failures = 0;
let open = Number(connections);

const finish = () => {
  open -= 1;
  if (open === 0) console.log(JSON.stringify({ requests, failures, seconds: (performance.now() - began) / 1000 }));
};

/** The answers of a probe are small: each comes in one piece. */
for (let i = 0; i < Number(connections); i += 1) {
  const socket = connect(Number(url.port), url.hostname, () => socket.write(text)).setNoDelay(true);
  socket.on("data", (chunk) => {
    requests += 1;
    if (chunk[9] !== 0x32) failures += 1;
    if (performance.now() > endsAt) socket.destroy();
    else socket.write(text);
  });
  socket.on("close", finish);
}
