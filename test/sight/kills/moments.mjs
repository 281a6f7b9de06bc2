/** Where an instance is killed, by seed and number: the same for the process itself and for what judges it. */
import { randomFrom } from "../../chaos/random.mjs";

/** Places in which an instance stays until it is killed. */
const long = [
  ...["starting.config", "starting.model", "starting.blocked", "running"],
  ...["stopping.announcing", "stopping.draining", "stopping.unwinding", "stopping.releasing"],
];
/** Places that it passes within some ms. */
const short = [
  "registering",
  "healthy.opening",
  "healthy.ready",
  "stopping.closing",
  "stopping.deregistering",
  "stopping.disconnecting",
];

/** Each place that an instance is killed in, from `starting` on. */
export const places = [...long, ...short];

/** ms between the arrow into the place and the death, at most */
const longMs = 400;
const shortMs = 3;

/**
 * `place`: the path whose entry begins the end. `afterMs`: from there to the death. `isAside`: a thread kills the process, at any point of
 * what its event loop does; else a timer of the event loop does. `isSteady`: never by a thread, and at once only in a blocked event loop.
 */
export const momentOf = ({ seed, number, isSteady }) => {
  const random = randomFrom(seed * 10_007 + number);
  random.next();
  const place = places[(seed + number) % places.length];
  const afterMs = random.between(0, long.includes(place) ? longMs : shortMs);
  const isAside = random.next() < 0.5 && !isSteady;
  return { place, afterMs: isSteady && long.includes(place) ? 100 + afterMs : afterMs, isAside, isSteady };
};
