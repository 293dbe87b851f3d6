/** The live socket: one per tab, opened with a token as its first message, reopened with patience. */
import { accessToken } from "@/api/session";
import { createSignal } from "@/lib/events";
import { createStore } from "@/lib/store";
import { type Board, type LiveMessage, emptyBoard, reduce } from "./board";

export const board = createStore<Board>(emptyBoard);
/** Every message, after the board took it. */
export const messages = createSignal<LiveMessage>();

let current: WebSocket | null = null;

/** Says something to the server; false while there is no connection. */
export function sendLive(message: object): boolean {
  if (current?.readyState !== WebSocket.OPEN) return false;
  current.send(JSON.stringify(message));
  return true;
}

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 10_000;
/** The server closes with these when the token is no good. */
const REFUSED = new Set([4401, 4403, 1008]);
/** Renewed on the socket this long before a token of 15 minutes ends. */
const RENEW_MS = 12 * 60_000;

/** Opens and keeps open. Returns the way to close for good. */
export function connectLive(): () => void {
  let socket: WebSocket | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let renewal: ReturnType<typeof setInterval> | undefined;
  let attempt = 0;
  let closed = false;
  let fresh = false;

  const lost = () => board.set((now) => (now.link === "lost" ? now : { ...now, link: "lost" }));

  const later = () => {
    clearInterval(renewal);
    if (closed) return;
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
    attempt += 1;
    clearTimeout(timer);
    timer = setTimeout(open, longest / 2 + (Math.random() * longest) / 2);
  };

  const sayToken = async (target: WebSocket) => {
    const token = await accessToken({ fresh }).catch(() => null);
    fresh = false;
    if (!token) target.close();
    else if (target.readyState === WebSocket.OPEN) target.send(JSON.stringify({ token }));
  };

  function open() {
    clearTimeout(timer);
    if (closed || (socket && socket.readyState <= WebSocket.OPEN)) return;
    const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/live`);
    socket = mine;
    current = mine;
    mine.onopen = () => {
      void sayToken(mine);
      renewal = setInterval(() => void sayToken(mine), RENEW_MS);
    };
    mine.onmessage = (event: MessageEvent<string>) => {
      const message = JSON.parse(event.data) as LiveMessage;
      attempt = 0;
      // From here a screen pop is measured, in tests and in the browser's own profiler.
      if (message.type === "call:started") performance.mark("live:call:started");
      board.set((now) => reduce(now, message));
      messages.emit(message);
    };
    mine.onclose = (event) => {
      if (socket !== mine) return;
      socket = null;
      fresh = REFUSED.has(event.code);
      lost();
      later();
    };
  }

  const hurry = () => {
    attempt = 0;
    if (!socket) open();
  };
  const offline = () => socket?.close();
  const onShow = () => (document.visibilityState === "visible" ? hurry() : undefined);
  window.addEventListener("online", hurry);
  window.addEventListener("offline", offline);
  document.addEventListener("visibilitychange", onShow);
  open();

  return () => {
    closed = true;
    clearTimeout(timer);
    clearInterval(renewal);
    window.removeEventListener("online", hurry);
    window.removeEventListener("offline", offline);
    document.removeEventListener("visibilitychange", onShow);
    const last = socket;
    socket = null;
    last?.close();
    board.set(emptyBoard);
  };
}

/** The server took the outcome: the call leaves the desk without waiting for the socket to say so. */
export function outcomeSaved(callId: string): void {
  board.set((now) => {
    const { [callId]: done, ...pending } = now.pending;
    return done ? { ...now, pending } : now;
  });
}
