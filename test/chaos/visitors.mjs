/** A page of the webchat, without a browser: the client of the page and of `stargazer chat`, on sockets of `ws`. */
import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import { ChatClient } from "../../dist/src/tiers/web/page/chat-client.js";

const nothing = () => {};

export class Visitor {
  conversation;
  #addresses;
  #client;
  #kept;
  #last;
  #queued = [];
  /** the place of the last message that was sent, and how often */
  #sent = { place: "", times: 0 };

  /** `addresses` returns those of the gateways. */
  constructor(conversation, addresses) {
    this.conversation = conversation;
    this.#addresses = addresses;
    this.#load();
  }

  /** Sends a message once the client has room for it. */
  send() {
    this.#queued.push(this.conversation.next());
    this.#flush();
  }

  /** A page that is reloaded has its session and the lines that are not accepted, and no cursor. */
  reload() {
    this.#client.stop();
    this.#load();
  }

  stop() {
    this.#client.stop();
  }

  #load() {
    this.conversation.load();
    const around = {
      open: (events) => this.#open(events),
      read: () => this.#kept,
      write: (kept) => {
        this.#kept = structuredClone(kept);
      },
      pageId: () => randomBytes(16).toString("base64url"),
    };
    const view = {
      state: nothing,
      line: (line) => this.conversation.show(line),
      unsent: nothing,
      accepted: () => {
        this.conversation.accepted += 1;
        this.#flush();
      },
      refused: () => {
        this.conversation.refused += 1;
      },
      busy: nothing,
      draft: nothing,
    };
    this.#client = new ChatClient(around, view);
    this.#client.start();
  }

  #flush() {
    while (this.#queued.length > 0 && this.#client.say(this.#queued[0])) this.#queued.shift();
  }

  /** Another gateway than the last one, where there is one. */
  #address() {
    const all = this.#addresses();
    const others = all.filter((one) => one !== this.#last);
    const among = others.length > 0 ? others : all;
    this.#last = among[Math.floor(Math.random() * among.length)];
    return this.#last;
  }

  #open({ opened, closed, frame }) {
    const address = this.#address();
    if (address === undefined) {
      setImmediate(closed, "there is no gateway");
      return { send: nothing, close: nothing };
    }
    const socket = new WebSocket(`${address.replace(/^http/, "ws")}/webchat`);
    socket.once("open", opened);
    socket.once("close", (code) => closed(`closed with ${code}`));
    socket.on("error", ({ message }) => closed(message));
    socket.on("message", (data) => frame(JSON.parse(String(data))));
    return {
      send: (frame) => {
        if (frame.type === "message") this.#note(frame);
        socket.send(JSON.stringify(frame), nothing);
      },
      close: () => (socket.readyState === WebSocket.OPEN ? socket.close(1000) : socket.terminate()),
    };
  }

  #note({ page, n }) {
    const place = `${page}.${n}`;
    const times = place === this.#sent.place ? this.#sent.times + 1 : 1;
    if (times === 2) this.conversation.repeated += 1;
    this.#sent = { place, times };
  }
}
