/**
 * netd.js: a browser's way to netd. One file, one ES module, nothing else needed.
 *
 *     import { Netd } from "http://127.0.0.1:8080/netd.js";
 *     const netd = new Netd({ url: "ws://127.0.0.1:8080/ws" }).open();
 *     netd.subscribe("session.>", { replay: 1 }, (event) => console.log(event.subject, event.data));
 *     await netd.call("relay.send", { target: "greenhouse", text: "light on" });
 *
 * It connects again by itself, subscribes again, and resumes where it was; what is lost for good is told, never hidden.
 * The protocol is in docs/protocols/gateway.md.
 */

const SUBPROTOCOL = "netd.v1";
const FIRST_WAIT = 0.5;
const LONGEST_WAIT = 15;
/** Seconds of silence after which netd is asked for a sign of life, and seconds that it has to give one. */
const SILENCE = 25;
const SIGN_OF_LIFE = 8;
/** Seconds until a socket must be open. */
const HANDSHAKE = 10;
/** Events kept for an iterator that is slower than netd. */
const ITERATOR_KEEPS = 1000;

/** What becomes of a device that we are, or a place that we have. */
const ASKED = "asked";
const THERE = "there";
const OVER = "over";

/** JSON-RPC's and netd's error codes. */
export const NOT_PERMITTED = -32002;
export const NO_SUCH_TARGET = -32001;
export const OUTDATED = -32004;
export const NO_SUCH_OPERATION = -32601;

/** The code with which netd closes a WebSocket because of its token, among others. */
const POLICY = 1008;

const NO_WEBSOCKET =
  "this JavaScript has no WebSocket: Node.js has one from version 22 on; for an older one, install the package ws and set globalThis.WebSocket";
const NO_URL = "not on a page: give the address of the gateway's WebSocket, new Netd({ url: 'ws://127.0.0.1:8080/ws' })";

/** What netd answered instead of a result, or why there is no answer. */
export class NetdError extends Error {
  /**
   * @param {number|"timeout"|"disconnected"|"closed"|"unsupported"} code netd's own (docs/protocols/console.md), or a word of ours.
   * @param {string} message for a person.
   * @param {any} [data] what netd said beside the message.
   */
  constructor(code, message, data) {
    super(message);
    this.name = "NetdError";
    this.code = code;
    this.data = data;
  }
}

/**
 * @typedef {object} State
 * @property {"closed"|"connecting"|"live"|"reconnecting"|"unauthorised"} name
 * @property {number} since when that became so, milliseconds since the epoch.
 * @property {number} attempt how many attempts have failed in a row.
 * @property {number} seconds whole seconds until the next attempt; 0 unless reconnecting.
 * @property {string} reason why, where that is not plain.
 */

/**
 * Something that was said on the bus.
 * @typedef {object} BusEvent
 * @property {string} subject
 * @property {any} data
 * @property {number} time when it was published, seconds since the epoch.
 * @property {number|null} seq its number on this connection; null where it is replayed.
 * @property {boolean} isNew false for what is replayed.
 */

const proofOf = (token, page) => (page !== null ? { page } : token !== null ? { token } : null);

/** Devices and places are told apart by their instance, too: two relays may have a device of the same name. */
const keyOf = (instance, name) => `${instance ?? ""} ${name}`;

/** Call what the page gave us: what it throws is the page's to see, as an uncaught error, and stops nothing here. */
const tell = (listener, ...said) => {
  try {
    listener(...said);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
};

/** A connection to netd that comes back. Tells each change of its state with an event "state", whose `detail` is a State. */
export class Netd extends EventTarget {
  #url;
  /** What proves who we are: the arguments of `system.login`; null where nothing does. @type {{token: string}|{page: string}|null} */
  #proof;
  /** Whether netd has refused the proof on this connection. */
  #isRefused = false;
  #timeout;
  /** @type {WebSocket|null} */
  #socket = null;
  #calls = new Map();
  #streams = new Map();
  #attachments = new Map();
  #seats = new Map();
  #nextId = 1;
  #waiting = [];
  #timers = { retry: 0, countdown: 0, handshake: 0, life: 0 };
  /** @type {State} */
  #state = { name: "closed", since: Date.now(), attempt: 0, seconds: 0, reason: "" };
  #retryAt = 0;
  #heard = 0;

  /**
   * @param {object} [options]
   * @param {string} [options.url] of the gateway's `/ws`; by default `ws` beside the page.
   * @param {string|null} [options.token] what `netd token add` printed; null where none is needed.
   * @param {string|null} [options.page] the page key of a browser's session (docs/protocols/gateway.md), instead of a token.
   * @param {number} [options.timeout] seconds that a call may take, unless it says otherwise.
   */
  constructor({ url, token = null, page = null, timeout = 30 } = {}) {
    super();
    if (url === undefined && globalThis.location === undefined) throw new NetdError("unsupported", NO_URL);
    this.#url = url ?? new URL("ws", globalThis.document?.baseURI ?? globalThis.location.href).href.replace(/^http/, "ws");
    this.#proof = proofOf(token, page);
    this.#timeout = timeout;
    /**
     * Who netd takes us for, once live; `subjects` is null for all.
     * @type {{name: string, role: string, subjects: string[]|null}|null}
     */
    this.who = null;
    /** What `system.operations` gave when we connected; empty where a token may not ask. @type {Record<string, any>[]} */
    this.operations = [];
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /**
   * Listen for changes of the state.
   * @param {"state"} type
   * @param {((event: Event & {detail: State}) => void)|EventListenerObject|null} listener
   * @param {AddEventListenerOptions|boolean} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, /** @type {EventListener} */ (listener), options);
  }

  /** Connect, and stay connected. @returns {this} @throws {NetdError} where there is no WebSocket to connect with. */
  open() {
    if (this.#state.name === "closed") this.#connect();
    return this;
  }

  /** Disconnect for good; what waits for an answer fails. */
  close() {
    this.#clearTimers();
    this.#drop("closed");
    this.#rejectWaiting(new NetdError("closed", "the connection was closed"));
    this.#setState("closed", { attempt: 0 });
  }

  /** Attempt to connect now instead of when the wait is over. */
  retry() {
    if (this.#state.name === "reconnecting") this.#connect();
  }

  /** Connect again with another token, or with the page key of a session. @param {string|null} token @param {string|null} page */
  login(token, page = null) {
    this.#proof = proofOf(token, page);
    this.#clearTimers();
    this.#drop("another token");
    this.#connect();
  }

  /**
   * Call an operation. While netd is away, it waits for the connection; once sent, it is never sent twice.
   *
   * @param {string} method such as "relay.send".
   * @param {object} [params] arguments by name.
   * @param {{timeout?: number}} [options] seconds that it may take, waiting included.
   * @returns {Promise<any>} its result.
   * @throws {NetdError}
   */
  call(method, params = {}, { timeout = this.#timeout } = {}) {
    return new Promise((resolve, reject) => {
      const call = { method, params, resolve, reject, id: null, timer: 0 };
      call.timer = setTimeout(() => {
        this.#calls.delete(call.id);
        this.#waiting = this.#waiting.filter((other) => other !== call);
        reject(new NetdError("timeout", `${method} was not answered within ${timeout} s`));
      }, timeout * 1000);
      if (this.#state.name === "live") this.#send(call);
      else if (this.#state.name === "closed") this.#settle(call, () => reject(new NetdError("closed", "not connected")));
      else this.#waiting.push(call);
    });
  }

  /**
   * Receive the events under a pattern, until the subscription is closed.
   *
   * Several subscriptions to one pattern share what netd sends: the finest `every` of them holds for all, and numbers are folded
   * if all of them ask for it.
   *
   * @param {string} pattern of subjects: `*` is one token, a final `>` the rest.
   * @param {object} [options]
   * @param {number} [options.every] seconds: at most one event of each subject in that time.
   * @param {boolean} [options.fold] with `every`: the data of a number tells all of that time, `{time, value, min, max, count}`. One
   *   that is replayed, or that others want to have whole, comes as it is: `value` is in both.
   * @param {boolean} [options.together] netd sends the events of a moment in one message, at a fraction of the cost.
   * @param {number} [options.replay] how many kept events of each subject come first.
   * @param {"drop-oldest"|"latest"} [options.policy] what is lost when we read too slowly.
   * @param {(notice: {count: number}) => void} [options.onDropped] events were lost because we read too slowly.
   * @param {(gap: {from: number, to: number|null}) => void} [options.onGap] events were lost while we were away.
   * @param {(error: NetdError) => void} [options.onError] netd refused; the subscription is closed.
   * @param {((event: BusEvent) => void)|null} [onEvent] left out: iterate over the subscription with `for await`.
   * @returns {Subscription}
   */
  subscribe(pattern, options = {}, onEvent = null) {
    const subscription = new Subscription(pattern, options, onEvent, (closed) => this.#unsubscribe(closed));
    let stream = this.#streams.get(pattern);
    const isNew = stream === undefined;
    if (isNew) this.#streams.set(pattern, (stream = new Stream(pattern)));
    const isOther = stream.add(subscription);
    if (this.#state.name === "live" && (isNew || isOther || options.replay)) this.#subscribeNow(stream, null);
    return subscription;
  }

  /**
   * Be a device. What `onMessage` returns (or what its promise gives) is the answer; what it throws is an error.
   *
   * @param {string} name
   * @param {(message: {from: string, text?: string, base64?: string}) => any} onMessage
   * @param {{instance?: string, onDetached?: (reason: string) => void}} [options] which relay, where there are several; and what to
   *   do when another takes the name, or netd takes it away: it is not taken back then. After a lost connection, or a restart of
   *   netd, it is; that is not told.
   * @returns {Promise<{name: string, detach: () => Promise<void>}>}
   */
  async attach(name, onMessage, { onDetached = () => {}, ...options } = {}) {
    const attachment = { name, onMessage, onDetached, instance: undefined, stage: ASKED };
    const key = await this.#settleIn(this.#attachments, keyOf(options.instance, name), attachment, async () => {
      attachment.instance = (await this.call("relay.attach", { name, ...options })).instance;
      return keyOf(attachment.instance, name);
    });
    const detach = async () => {
      if (this.#attachments.get(key) !== attachment) return;
      this.#attachments.delete(key);
      if (this.#state.name === "live") await this.call("relay.detach", { device: name, instance: attachment.instance });
    };
    return { name, detach };
  }

  /**
   * Take a place in a room. It is lost with the connection.
   *
   * @param {string} name what the others read.
   * @param {(line: {name: string, text: string}) => void} onLine what a bot would read.
   * @param {{instance?: string, onLeft?: (reason: string) => void}} [options]
   * @returns {Promise<{name: string, answer: any, say: (text: string) => Promise<any>, leave: () => Promise<any>}>}
   */
  async join(name, onLine, { onLeft = () => {}, ...options } = {}) {
    name = name.trim();
    const seat = { onLine, onLeft, stage: ASKED };
    /** @type {any} */
    let answer = null;
    const key = await this.#settleIn(this.#seats, keyOf(options.instance, name), seat, async () => {
      answer = await this.call("room.join", { name, ...options });
      return keyOf(answer.instance, answer.name);
    });
    const place = { name: answer.name, instance: answer.instance };
    const say = (text) => this.call("room.say", { ...place, text });
    const leave = () => {
      if (this.#seats.get(key) === seat) this.#seats.delete(key);
      return this.call("room.leave", place);
    };
    return { name: place.name, answer, say, leave };
  }

  /**
   * Keep who listens under the key that was asked for, because netd may speak to it before it answers, then under that of the answer.
   * One that has that key already keeps it; one that netd has sent away meanwhile stays away.
   */
  async #settleIn(map, asked, listener, ask) {
    if (!map.has(asked)) map.set(asked, listener);
    const forget = () => map.get(asked) === listener && map.delete(asked);
    try {
      const key = await ask();
      forget();
      if (listener.stage === ASKED) {
        listener.stage = THERE;
        map.set(key, listener);
      }
      return key;
    } catch (error) {
      forget();
      throw error;
    }
  }

  // The connection

  #connect() {
    if (globalThis.WebSocket === undefined) throw new NetdError("unsupported", NO_WEBSOCKET);
    this.#clearTimers();
    this.#isRefused = false;
    this.#setState("connecting", { attempt: this.#state.attempt });
    let socket;
    try {
      socket = new WebSocket(this.#url, SUBPROTOCOL);
    } catch (error) {
      this.#lost(error.message);
      return;
    }
    this.#socket = socket;
    this.#timers.handshake = setTimeout(() => this.#cut("netd did not answer"), HANDSHAKE * 1000);
    socket.onopen = () => socket === this.#socket && this.#greet();
    socket.onmessage = (message) => socket === this.#socket && this.#take(message.data);
    socket.onclose = (event) => socket === this.#socket && this.#closed(event);
  }

  #closed({ code, reason }) {
    const isOurs = this.#isRefused || this.#state.name === "live";
    if (code === POLICY && this.#proof !== null && isOurs && this.#state.name !== "unauthorised") this.#refused(reason);
    else this.#lost(reason || "the connection was lost");
  }

  /** netd closed the connection because of our proof: given again by itself, it would be one wrong token more each time. */
  #refused(reason) {
    this.#clearTimers();
    this.#drop(reason);
    this.#setState("unauthorised", { reason });
  }

  async #greet() {
    const socket = this.#socket;
    this.#heard = performance.now();
    try {
      const who = await this.#introduce();
      if (socket !== this.#socket) return;
      this.who = who;
      this.#live();
    } catch (error) {
      if (socket !== this.#socket) return;
      if (error.code !== NOT_PERMITTED) this.#cut(error.message);
      else {
        clearTimeout(this.#timers.handshake);
        this.#setState("unauthorised", { attempt: 0, reason: this.#proof === null ? "" : error.message });
      }
    }
  }

  /** Log in where there is a proof, and learn what can be done. */
  async #introduce() {
    let who = null;
    let refused = null;
    if (this.#proof !== null) {
      try {
        who = await this.#ask("system.login", this.#proof);
      } catch (error) {
        if (error.code !== NOT_PERMITTED) throw error;
        refused = error;
        this.#isRefused = true;
      }
    }
    try {
      this.operations = await this.#ask("system.operations");
    } catch (error) {
      if (who === null || error.code !== NOT_PERMITTED) throw refused ?? error;
      this.operations = []; // a token for some subjects only
    }
    return who ?? { name: "", role: "admin", subjects: null };
  }

  #live() {
    clearTimeout(this.#timers.handshake);
    this.#timers.life = setInterval(() => this.#watchSilence(), 5000);
    const streams = [...this.#streams.values()]; // whoever subscribes when told of the state below does so by itself
    const attached = [...this.#attachments].filter(([, { stage }]) => stage === THERE);
    this.#setState("live", { attempt: 0 });
    if (this.#state.name !== "live") return;
    for (const stream of streams)
      if (this.#streams.get(stream.pattern) === stream) this.#subscribeNow(stream, stream.resumesAt());
    for (const [key, attachment] of attached) if (this.#attachments.get(key) === attachment) this.#attachAgain(key, attachment);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) this.#send(call);
  }

  /** What is refused now is lost for good. */
  async #attachAgain(key, attachment) {
    const { name, instance, onDetached } = attachment;
    try {
      await this.call("relay.attach", { name, instance });
    } catch (error) {
      if (error.code === "disconnected" || this.#attachments.get(key) !== attachment) return;
      this.#attachments.delete(key);
      tell(onDetached, error.message);
    }
  }

  async #watchSilence() {
    if (performance.now() - this.#heard < SILENCE * 1000) return;
    const socket = this.#socket;
    try {
      await this.call("bus.last", { pattern: "system.main.vitals" }, { timeout: SIGN_OF_LIFE });
    } catch (error) {
      if (error.code === "timeout" && socket === this.#socket) this.#cut("netd gave no sign of life");
    }
  }

  #cut(reason) {
    const socket = this.#socket;
    this.#lost(reason);
    socket?.close();
  }

  /** The connection is gone: everything that waited for an answer fails, and another attempt follows. */
  #lost(reason) {
    const wasUnauthorised = this.#state.name === "unauthorised";
    this.#clearTimers();
    this.#drop(reason);
    if (wasUnauthorised) return;
    const attempt = this.#state.attempt + 1;
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(attempt - 1, 10));
    const wait = longest * (0.5 + Math.random() / 2);
    this.#retryAt = performance.now() + wait * 1000;
    this.#setState("reconnecting", { attempt, reason, seconds: Math.ceil(wait) });
    this.#timers.retry = setTimeout(() => this.#connect(), wait * 1000);
    this.#timers.countdown = setInterval(() => {
      const seconds = Math.max(0, Math.ceil((this.#retryAt - performance.now()) / 1000));
      if (seconds !== this.#state.seconds) this.#setState("reconnecting", { ...this.#state, seconds });
    }, 250);
  }

  #drop(reason) {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    const lost = new NetdError("disconnected", `${reason}; whether it was carried out is not known`);
    for (const call of this.#calls.values()) this.#settle(call, () => call.reject(lost));
    this.#calls.clear();
    for (const [key, seat] of [...this.#seats]) {
      if (seat.stage !== THERE) continue; // its call fails, or has not been sent yet
      this.#seats.delete(key);
      tell(seat.onLeft, reason);
    }
  }

  #setState(name, { attempt = 0, reason = "", seconds = 0 }) {
    const since = name === this.#state.name ? this.#state.since : Date.now();
    this.#state = { name, since, attempt, reason, seconds };
    this.dispatchEvent(Object.assign(new Event("state"), { detail: this.#state })); // a CustomEvent is too new for Node.js 18
  }

  #clearTimers() {
    const { retry, countdown, handshake, life } = this.#timers;
    clearTimeout(retry);
    clearInterval(countdown);
    clearTimeout(handshake);
    clearInterval(life);
  }

  // Messages

  #ask(method, params = {}) {
    return new Promise((resolve, reject) => this.#send({ method, params, resolve, reject, id: null, timer: 0 }));
  }

  #send(call) {
    call.id = this.#nextId++;
    this.#calls.set(call.id, call);
    this.#socket?.send(JSON.stringify({ jsonrpc: "2.0", id: call.id, method: call.method, params: call.params }));
  }

  #settle(call, act) {
    clearTimeout(call.timer);
    act();
  }

  #rejectWaiting(error) {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) this.#settle(call, () => call.reject(error));
  }

  #take(text) {
    this.#heard = performance.now();
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message.method !== undefined) this.#notified(message.method, message.params ?? {});
    else this.#answered(message);
  }

  #answered({ id, result, error }) {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    this.#settle(call, () => (error ? call.reject(new NetdError(error.code, error.message, error.data)) : call.resolve(result)));
  }

  #notified(method, params) {
    if (method === "event") this.#streamOf(params)?.receive(params.seq, [params]);
    else if (method === "events") this.#streamOf(params)?.receiveItems(params);
    else if (method === "dropped") this.#streamOf(params)?.tell("onDropped", params);
    else if (method === "relay.message") this.#messageToDevice(params);
    else if (method === "relay.detached") this.#detached(params);
    else if (method === "room.line") this.#seated(params, ({ onLine }) => tell(onLine, params));
    else if (method === "room.left") {
      this.#seated(params, (seat, key) => {
        this.#seats.delete(key);
        seat.stage = OVER;
        tell(seat.onLeft, params.reason ?? "");
      });
    }
  }

  /** The stream of a notification. One that netd has not accepted yet gets nothing: what comes is of an earlier one of its pattern. */
  #streamOf({ pattern }) {
    const stream = this.#streams.get(pattern);
    return stream?.isAccepted ? stream : undefined;
  }

  #seated({ instance, name }, act) {
    const key = this.#keyIn(this.#seats, instance, name);
    const seat = this.#seats.get(key);
    if (seat !== undefined) act(seat, key);
  }

  /** The key of a device or a place; one that was asked for without an instance has none yet while its answer is awaited. */
  #keyIn(map, instance, name) {
    const key = keyOf(instance, name);
    return map.has(key) ? key : keyOf(undefined, name);
  }

  /** We are no device any more: only when netd stops is the name taken again, as soon as it is back. */
  #detached({ instance, device, reason }) {
    if (reason === "netd stops") return;
    const key = this.#keyIn(this.#attachments, instance, device);
    const attachment = this.#attachments.get(key);
    if (attachment === undefined) return;
    this.#attachments.delete(key);
    attachment.stage = OVER;
    tell(attachment.onDetached, reason);
  }

  async #messageToDevice({ instance, device, id, ...message }) {
    const answer = { instance, device, id };
    const socket = this.#socket;
    const attachment = this.#attachments.get(this.#keyIn(this.#attachments, instance, device));
    try {
      if (attachment === undefined) throw new Error("the device was just detached");
      const said = await attachment.onMessage(message);
      answer.text = said === undefined || said === null ? "" : String(said);
    } catch (error) {
      answer.error = String(error?.message || error);
    }
    // On another connection, the same id is another message's.
    if (id !== undefined && id !== null && socket === this.#socket) this.call("relay.answer", answer).catch(() => {});
  }

  // Subscriptions

  async #subscribeNow(stream, since) {
    const params = { pattern: stream.pattern, ...stream.wanted() };
    if (since !== null) params.since = since;
    try {
      const answer = await this.#ask("bus.subscribe", params);
      stream.accept(answer, since !== null, params);
    } catch (error) {
      if (error.code === "disconnected" || this.#streams.get(stream.pattern) !== stream) return;
      this.#streams.delete(stream.pattern);
      stream.refuse(error);
    }
  }

  #unsubscribe(subscription) {
    const stream = this.#streams.get(subscription.pattern);
    if (stream === undefined) return;
    const isOther = stream.remove(subscription);
    if (!stream.isEmpty) {
      if (isOther && this.#state.name === "live") this.#subscribeNow(stream, null);
      return;
    }
    this.#streams.delete(subscription.pattern);
    if (this.#state.name === "live") this.call("bus.unsubscribe", { pattern: subscription.pattern }).catch(() => {});
  }
}

/** What a caller of Netd.subscribe holds. */
export class Subscription {
  #buffer = [];
  /** @type {(() => void)|null} */
  #wake = null;
  /** @type {NetdError|null} */
  #error = null;
  #onClose;

  /**
   * @param {string} pattern
   * @param {Record<string, any>} options
   * @param {((event: BusEvent) => void)|null} onEvent
   * @param {(closed: Subscription) => void} onClose
   */
  constructor(pattern, options, onEvent, onClose) {
    this.pattern = pattern;
    this.options = options;
    this.isOpen = true;
    /** It has not had an event of its own time yet: what is replayed is meant for it, if it asked for that. */
    this.isFresh = this.wantsReplay;
    /** How many events were lost because we, or the iterator, read too slowly. */
    this.dropped = 0;
    this.onEvent = onEvent ?? ((event) => this.#keep(event));
    this.#onClose = onClose;
  }

  get wantsReplay() {
    return (this.options.replay ?? 0) > 0;
  }

  /** Receive nothing more. */
  close() {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#onClose(this);
    this.#wake?.();
  }

  /** Netd has refused it: who iterates gets the error, behind what came before. @param {NetdError} error */
  refuse(error) {
    this.#error = error;
    if (this.options.onError) tell(this.options.onError, error);
    this.close();
  }

  /** @returns {AsyncGenerator<BusEvent, void, void>} */
  async *[Symbol.asyncIterator]() {
    try {
      for (;;) {
        while (this.#buffer.length) yield this.#buffer.shift();
        if (this.#error !== null) throw this.#error;
        if (!this.isOpen) return;
        await /** @type {Promise<void>} */ (new Promise((resolve) => (this.#wake = resolve)));
      }
    } finally {
      this.close();
    }
  }

  #keep(event) {
    if (this.#buffer.length >= ITERATOR_KEEPS) {
      this.#buffer.shift();
      this.dropped += 1;
    }
    this.#buffer.push(event);
    this.#wake?.();
  }
}

/** What netd sends for one pattern, and the subscriptions that share it. */
class Stream {
  #subscriptions = new Set();
  #every = Infinity;
  #policy;
  /** Whether all subscriptions want numbers folded, and whether one of them wants events together. */
  #folds = true;
  #isTogether = false;
  /** Whether what netd sends now is folded, and the subjects by index, where it sends events together. */
  #isFolded = false;
  #subjects = [];
  #epoch = "";
  #offset = 0;
  #last = 0;

  constructor(pattern) {
    this.pattern = pattern;
  }

  get isEmpty() {
    return this.#subscriptions.size === 0;
  }

  get isAccepted() {
    return this.#epoch !== "";
  }

  /** @returns {boolean} whether netd must be told, because something else is wanted than before. */
  add(subscription) {
    this.#policy ??= subscription.options.policy;
    this.#subscriptions.add(subscription);
    return this.#weigh();
  }

  /** @returns {boolean} whether netd must be told, because less is wanted than before. */
  remove(subscription) {
    this.#subscriptions.delete(subscription);
    return this.#weigh();
  }

  #weigh() {
    const before = `${this.#every} ${this.#folds} ${this.#isTogether}`;
    const wishes = [...this.#subscriptions].map((one) => one.options);
    this.#every = Math.min(Infinity, ...wishes.map(({ every = 0 }) => every));
    this.#folds = wishes.every(({ fold = false }) => fold);
    this.#isTogether = wishes.some(({ together = false }) => together);
    return before !== `${this.#every} ${this.#folds} ${this.#isTogether}`;
  }

  /** The arguments of bus.subscribe. */
  wanted() {
    const wanted = {};
    if (this.#every > 0) wanted.every = this.#every;
    if (this.#every > 0 && this.#folds) wanted.fold = true;
    if (this.#isTogether) wanted.together = true;
    if (this.#policy) wanted.policy = this.#policy;
    const replay = Math.max(0, ...[...this.#subscriptions].map((one) => one.options.replay ?? 0));
    if (replay > 0) wanted.replay = replay;
    return wanted;
  }

  /** The position to resume from, or null. */
  resumesAt() {
    return this.#epoch === "" ? null : `${this.#epoch}:${this.#last}`;
  }

  accept({ position, recovered, gap, subjects = [] }, isResumed, { fold = false }) {
    const colon = position.lastIndexOf(":");
    const isSame = isResumed && recovered !== null;
    this.#epoch = position.slice(0, colon);
    this.#offset = Number(position.slice(colon + 1));
    this.#isFolded = fold;
    this.#subjects = subjects;
    if (!isSame) this.#last = this.#offset;
    if (isResumed && !isSame) for (const one of this.#subscriptions) one.isFresh = one.wantsReplay;
    if (gap) this.tell("onGap", gap);
  }

  /** Take in the events of one message: each item is the subject's index or name, the time, and the data. */
  receiveItems({ pattern, seq, subjects = [], items }) {
    if (this.#epoch === "") return; // of a subscription that was closed: its names are not known here
    for (const subject of subjects) this.#subjects.push(subject);
    let number = seq === null ? null : seq - items.length;
    const events = items.map(([place, time, data, min = data, max = data, count = 1]) => ({
      pattern,
      seq: number === null ? null : ++number,
      time,
      subject: typeof place === "number" ? this.#subjects[place] : place,
      data: this.#isFolded && typeof data === "number" ? { time, value: data, min, max, count } : data,
    }));
    this.receive(seq, events);
  }

  /** @param {number|null} seq the number of the last one of *events*, which are all older than what came before, or all newer. */
  receive(seq, events) {
    const isNews = seq !== null && seq > this.#last;
    const receivers = [...this.#subscriptions].filter((one) => isNews || one.isFresh);
    if (isNews) {
      this.#last = seq;
      if (seq > this.#offset) for (const one of receivers) one.isFresh = false;
    }
    for (const event of events) {
      event.isNew = isNews;
      for (const one of receivers) if (one.isOpen) tell(one.onEvent, event);
    }
  }

  tell(listener, notice) {
    for (const one of this.#subscriptions) {
      if (listener === "onDropped") one.dropped += notice.count;
      if (one.options[listener]) tell(one.options[listener], notice);
    }
  }

  refuse(error) {
    for (const one of this.#subscriptions) one.refuse(error);
  }
}
