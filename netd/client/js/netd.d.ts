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
/** JSON-RPC's and netd's error codes. */
export declare const NOT_PERMITTED = -32002;
export declare const NO_SUCH_TARGET = -32001;
export declare const OUTDATED = -32004;
export declare const NO_SUCH_OPERATION = -32601;
/** What netd answered instead of a result, or why there is no answer. */
export declare class NetdError extends Error {
    code: number | "closed" | "disconnected" | "timeout" | "unsupported";
    data: any;
    /**
     * @param {number|"timeout"|"disconnected"|"closed"|"unsupported"} code netd's own (docs/protocols/console.md), or a word of ours.
     * @param {string} message for a person.
     * @param {any} [data] what netd said beside the message.
     */
    constructor(code: number | "timeout" | "disconnected" | "closed" | "unsupported", message: string, data?: any);
}
export type State = {
    name: "closed" | "connecting" | "live" | "reconnecting" | "unauthorised";
    /**
     * when that became so, milliseconds since the epoch.
     */
    since: number;
    /**
     * how many attempts have failed in a row.
     */
    attempt: number;
    /**
     * whole seconds until the next attempt; 0 unless reconnecting.
     */
    seconds: number;
    /**
     * why, where that is not plain.
     */
    reason: string;
};
export type BusEvent = {
    subject: string;
    data: any;
    /**
     * when it was published, seconds since the epoch.
     */
    time: number;
    /**
     * its number on this connection; null where it is replayed.
     */
    seq: number | null;
    /**
     * false for what is replayed.
     */
    isNew: boolean;
};
/** A connection to netd that comes back. Tells each change of its state with an event "state", whose `detail` is a State. */
export declare class Netd extends EventTarget {
    #private;
    /**
     * Who netd takes us for, once live; `subjects` is null for all.
     * @type {{name: string, role: string, subjects: string[]|null}|null}
     */
    who: {
        name: string;
        role: string;
        subjects: string[] | null;
    } | null;
    /** What `system.operations` gave when we connected; empty where a token may not ask. @type {Record<string, any>[]} */
    operations: Record<string, any>[];
    /**
     * @param {object} [options]
     * @param {string} [options.url] of the gateway's `/ws`; by default `ws` beside the page.
     * @param {string|null} [options.token] what `netd token add` printed; null where none is needed.
     * @param {string|null} [options.page] the page key of a browser's session (docs/protocols/gateway.md), instead of a token.
     * @param {number} [options.timeout] seconds that a call may take, unless it says otherwise.
     */
    constructor({ url, token, page, timeout }?: {
        url?: string;
        token?: string | null;
        page?: string | null;
        timeout?: number;
    });
    /** @returns {State} */
    get state(): State;
    /**
     * Listen for changes of the state.
     * @param {"state"} type
     * @param {((event: Event & {detail: State}) => void)|EventListenerObject|null} listener
     * @param {AddEventListenerOptions|boolean} [options]
     */
    addEventListener(type: "state", listener: ((event: Event & {
        detail: State;
    }) => void) | EventListenerObject | null, options?: AddEventListenerOptions | boolean): void;
    /** Connect, and stay connected. @returns {this} @throws {NetdError} where there is no WebSocket to connect with. */
    open(): this;
    /** Disconnect for good; what waits for an answer fails. */
    close(): void;
    /** Attempt to connect now instead of when the wait is over. */
    retry(): void;
    /** Connect again with another token, or with the page key of a session. @param {string|null} token @param {string|null} page */
    login(token: string | null, page?: string | null): void;
    /**
     * Call an operation. While netd is away, it waits for the connection; once sent, it is never sent twice.
     *
     * @param {string} method such as "relay.send".
     * @param {object} [params] arguments by name.
     * @param {{timeout?: number}} [options] seconds that it may take, waiting included.
     * @returns {Promise<any>} its result.
     * @throws {NetdError}
     */
    call(method: string, params?: object, { timeout }?: {
        timeout?: number;
    }): Promise<any>;
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
    subscribe(pattern: string, options?: {
        every?: number;
        fold?: boolean;
        together?: boolean;
        replay?: number;
        policy?: "drop-oldest" | "latest";
        onDropped?: (notice: {
            count: number;
        }) => void;
        onGap?: (gap: {
            from: number;
            to: number | null;
        }) => void;
        onError?: (error: NetdError) => void;
    }, onEvent?: ((event: BusEvent) => void) | null): Subscription;
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
    attach(name: string, onMessage: (message: {
        from: string;
        text?: string;
        base64?: string;
    }) => any, { onDetached, ...options }?: {
        instance?: string;
        onDetached?: (reason: string) => void;
    }): Promise<{
        name: string;
        detach: () => Promise<void>;
    }>;
    /**
     * Take a place in a room. It is lost with the connection.
     *
     * @param {string} name what the others read.
     * @param {(line: {name: string, text: string}) => void} onLine what a bot would read.
     * @param {{instance?: string, onLeft?: (reason: string) => void}} [options]
     * @returns {Promise<{name: string, answer: any, say: (text: string) => Promise<any>, leave: () => Promise<any>}>}
     */
    join(name: string, onLine: (line: {
        name: string;
        text: string;
    }) => void, { onLeft, ...options }?: {
        instance?: string;
        onLeft?: (reason: string) => void;
    }): Promise<{
        name: string;
        answer: any;
        say: (text: string) => Promise<any>;
        leave: () => Promise<any>;
    }>;
}
/** What a caller of Netd.subscribe holds. */
export declare class Subscription {
    #private;
    pattern: string;
    options: Record<string, any>;
    isOpen: boolean;
    /** It has not had an event of its own time yet: what is replayed is meant for it, if it asked for that. */
    isFresh: boolean;
    /** How many events were lost because we, or the iterator, read too slowly. */
    dropped: number;
    onEvent: (event: BusEvent) => void;
    /**
     * @param {string} pattern
     * @param {Record<string, any>} options
     * @param {((event: BusEvent) => void)|null} onEvent
     * @param {(closed: Subscription) => void} onClose
     */
    constructor(pattern: string, options: Record<string, any>, onEvent: ((event: BusEvent) => void) | null, onClose: (closed: Subscription) => void);
    get wantsReplay(): boolean;
    /** Receive nothing more. */
    close(): void;
    /** Netd has refused it: who iterates gets the error, behind what came before. @param {NetdError} error */
    refuse(error: NetdError): void;
    /** @returns {AsyncGenerator<BusEvent, void, void>} */
    [Symbol.asyncIterator](): AsyncGenerator<BusEvent, void, void>;
}
