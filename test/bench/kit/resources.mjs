/** The resources of a service that owns nothing: every effect on them is done at once. */
const done = async () => {};
const ok = async () => ({ type: "ok" });

export const noResources = {
  redis: null,
  incarnation: 1,
  entry: { register: ok, renew: ok, deregister: done },
  preload() {},
  pingRedis: done,
  openHealth: done,
  closeHealth: done,
  close: done,
};
