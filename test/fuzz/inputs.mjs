/** Inputs from a seed: number `n` of a seed is the same on every machine, whatever came before it. */

/** A generator of its own for each input (mulberry32). */
export const randomOf = (seed, n) => {
  let state = Math.imul(seed ^ 0x9e3779b9, 2_654_435_761) + Math.imul(n, 40_503);
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (high) => Math.floor(next() * high);
  return { below, chance: (share) => next() < share, pick: (choices) => choices[below(choices.length)] };
};

const texts = [
  "",
  "x",
  "\u0000",
  "\u001b[2J",
  "__proto__",
  "constructor",
  "é\u202e",
  "\ud800",
  "-1",
  "1e999",
  "NaN",
  "../..",
  "%00",
  "'\"`$(id)",
];

/** A text: one of those that broke something somewhere, long, or random. */
export const textFrom = (random) => {
  if (random.chance(0.5)) return random.pick(texts);
  if (random.chance(0.1)) return "a".repeat(random.below(70_000));
  return Array.from({ length: random.below(24) }, () =>
    String.fromCharCode(random.below(random.chance(0.9) ? 128 : 65_536)),
  ).join("");
};

/** A value of JSON, at most so many levels deep. */
export const valueFrom = (random, levels = 4) => {
  const kind = random.below(levels > 0 ? 8 : 6);
  if (kind === 0) return null;
  if (kind === 1) return random.chance(0.5);
  if (kind === 2) return random.pick([0, -1, 1.5, 2 ** 53, 1e308, 8.64e15 + 1, 65_536]);
  if (kind < 6) return textFrom(random);
  const items = Array.from({ length: random.below(5) }, () => valueFrom(random, levels - 1));
  return kind === 6 ? items : Object.fromEntries(items.map((item) => [textFrom(random), item]));
};

/** A valid object with some of its fields exchanged, dropped or added, then perhaps cut or nested: as text. */
export const jsonLike = (random, valid) => {
  const value = structuredClone(valid);
  for (const name of Object.keys(value)) {
    if (random.chance(0.15)) delete value[name];
    else if (random.chance(0.2)) value[name] = valueFrom(random);
  }
  if (random.chance(0.2)) value[textFrom(random)] = valueFrom(random);
  const json = JSON.stringify(value);
  if (random.chance(0.1)) return json.slice(0, random.below(json.length));
  if (random.chance(0.05)) return `${"[".repeat(10_000)}${json}`;
  if (random.chance(0.05)) return json.replace("{", '{"__proto__":{"x":1},');
  return json;
};

const flipped = (random, bytes) => {
  const copy = Buffer.from(bytes);
  for (let times = random.below(4); times > 0 && copy.length > 0; times -= 1) copy[random.below(copy.length)] = random.below(256);
  return copy;
};

/** The bytes of an HTTP request, or of something like it. */
export const requestFrom = (random, paths) => {
  if (random.chance(0.05)) return Buffer.from(Array.from({ length: random.below(2000) }, () => random.below(256)));
  const method = random.pick(["GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "CONNECT", "TRACE", "get", textFrom(random)]);
  const path = random.chance(0.7) ? random.pick(paths) : `/${textFrom(random)}?${textFrom(random)}`;
  const headers = [
    `Host: ${random.chance(0.7) ? "127.0.0.1" : textFrom(random)}`,
    ...Array.from({ length: random.below(6) }, () => {
      const names = [
        "Origin",
        "Last-Event-ID",
        "Content-Length",
        "Transfer-Encoding",
        "Upgrade",
        "Sec-Fetch-Site",
        "Accept",
        "Authorization",
      ];
      return `${random.chance(0.8) ? random.pick(names) : textFrom(random)}: ${textFrom(random)}`;
    }),
    random.chance(0.2)
      ? "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x"
      : "Connection: close",
  ];
  const body = random.chance(0.3) ? JSON.stringify(valueFrom(random)) : "";
  const whole = Buffer.from(
    `${method} ${path} HTTP/1.${random.pick(["1", "1", "0", "9"])}\r\n${headers.join("\r\n")}\r\n\r\n${body}`,
    "utf8",
  );
  return random.chance(0.3) ? flipped(random, whole) : whole;
};

/** The bytes of a WebSocket frame, masked as a client's; sometimes one that breaks the protocol. */
export const frameFrom = (random, message) => {
  const payload = Buffer.from(random.chance(0.7) ? jsonLike(random, message) : textFrom(random), "utf8").subarray(0, 65_000);
  const opcode = random.chance(0.8) ? 1 : random.below(16);
  const first = (random.chance(0.9) ? 0x80 : 0) | opcode | (random.chance(0.05) ? 0x40 : 0);
  const head = payload.length < 126 ? [first, 0x80 | payload.length] : [first, 0xfe, payload.length >> 8, payload.length & 255];
  // a mask of zeroes leaves the payload as it is
  const whole = Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]);
  return random.chance(0.1) ? flipped(random, whole) : whole;
};
