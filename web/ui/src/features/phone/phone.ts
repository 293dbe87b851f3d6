/** This page as the telecaller's phone: microphone and loudspeaker of this computer, offers and answers over the live socket. */
import { beTheOne } from "@/lib/oneTab";
import { readLocal, writeLocal } from "@/lib/storage";
import { createStore } from "@/lib/store";
import { board, messages, sendLive } from "@/live/socket";
import type { LiveMessage } from "@/live/board";

export type PhoneFault = "denied" | "noDevice" | "insecure" | "refused";
export type PhoneState = { kind: "off" | "elsewhere" | "asking" | "joining" | "ready" } | { kind: "failed"; fault: PhoneFault };

export const phone = createStore<PhoneState>({ kind: "off" });
/** The leg that rings here and waits for a press. */
export const ringing = createStore<string | null>(null);

const KEY = "telehub.phone";
/** Candidates that are not there by then are found by the far side's checks. */
const GATHER_MS = 1500;
const off: PhoneState = { kind: "off" };

interface Leg {
  connection: RTCPeerConnection;
  player: HTMLAudioElement;
}
const legs = new Map<string, Leg>();
const offers = new Map<string, string>();
let microphone: MediaStream | null = null;
/** The ways to end being the phone. */
let handOn: (() => void) | null = null;
let leave: (() => void) | null = null;
let ticker: Worker | null = null;
/** Counts what was begun and ended. */
let turn = 0;

/** Is this computer's browser meant to be the phone? */
export const isKept = (): boolean => readLocal(KEY) === "browser";

/** From now on this browser is the phone; of several tabs the first one that asked is, and the next once that is closed. */
export function turnOn(): void {
  if (handOn) return;
  writeLocal(KEY, "browser");
  if (!window.isSecureContext) {
    phone.set({ kind: "failed", fault: "insecure" });
    return;
  }
  phone.set({ kind: "elsewhere" });
  handOn = beTheOne("telehub.phone", (mine) => (mine ? void begin() : undefined));
}

/** Asks for the microphone, then tells the server that calls may come here. */
async function begin(): Promise<void> {
  phone.set({ kind: "asking" });
  turn += 1;
  const mine = turn;
  let heard: MediaStream;
  try {
    heard = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
  } catch (error) {
    if (mine !== turn) return;
    const denied = error instanceof DOMException && error.name === "NotAllowedError";
    phone.set({ kind: "failed", fault: denied ? "denied" : "noDevice" });
    handOn?.();
    handOn = null;
    return;
  }
  // Turned off while the browser asked: a late yes does not make it the phone again.
  if (mine !== turn) return heard.getTracks().forEach((track) => track.stop());
  microphone = heard;
  leave = messages.on(take);
  // The page answers its worker: where it is frozen, or this computer sleeps, nothing is said and nobody is sent here.
  ticker = new Worker(new URL("./tick.ts", import.meta.url), { type: "module" });
  ticker.onmessage = () => {
    if (board.get().link === "live") sendLive({ type: "phone:alive" });
  };
  join();
}

export function turnOff(): void {
  turn += 1;
  writeLocal(KEY, "desk");
  handOn?.();
  handOn = null;
  leave?.();
  leave = null;
  ticker?.terminate();
  ticker = null;
  sendLive({ type: "phone:leave" });
  for (const leg of [...legs.keys()]) drop(leg);
  offers.clear();
  ringing.set(null);
  microphone?.getTracks().forEach((track) => track.stop());
  microphone = null;
  phone.set(off);
}

function join(): void {
  phone.set({ kind: "joining" });
  // Not connected now: the next snapshot says it again.
  if (board.get().link === "live") sendLive({ type: "phone:ready" });
}

function take(message: LiveMessage): void {
  if (message.type === "snapshot") {
    // Another socket: what was on the last one is over.
    for (const leg of [...legs.keys()]) drop(leg);
    join();
  } else if (message.type === "phone:state") {
    const { ready, error } = message.data;
    // Without a reason: it slept, and is called again as soon as it is heard.
    phone.set(ready ? { kind: "ready" } : error ? { kind: "failed", fault: "refused" } : { kind: "joining" });
  } else if (message.type === "phone:hangup") {
    drop(message.data.leg);
  } else if (message.type === "phone:offer") {
    const { leg, sdp, auto_answer, change } = message.data;
    if (auto_answer || change) {
      void answer(leg, sdp);
    } else {
      offers.set(leg, sdp);
      ringing.set(leg);
    }
  }
}

/** Takes the call that rings. */
export function accept(leg: string): void {
  const sdp = offers.get(leg);
  offers.delete(leg);
  ringing.set((now) => (now === leg ? null : now));
  if (sdp !== undefined) void answer(leg, sdp);
}

/** Refuses the call that rings. */
export function refuse(leg: string): void {
  offers.delete(leg);
  ringing.set((now) => (now === leg ? null : now));
  sendLive({ type: "phone:hangup", data: { leg } });
}

async function answer(leg: string, offer: string): Promise<void> {
  const { connection } = legs.get(leg) ?? connect(leg);
  try {
    await connection.setRemoteDescription({ type: "offer", sdp: offer });
    await connection.setLocalDescription(await connection.createAnswer());
    await gathered(connection);
  } catch {
    // A call that cannot be heard is no call.
    sendLive({ type: "phone:hangup", data: { leg } });
    return drop(leg);
  }
  const sdp = connection.localDescription?.sdp;
  if (sdp && legs.has(leg)) sendLive({ type: "phone:answer", data: { leg, sdp } });
}

function connect(name: string): Leg {
  const connection = new RTCPeerConnection();
  const player = new Audio();
  player.dataset["leg"] = name;
  player.hidden = true;
  document.body.append(player);
  connection.addEventListener("track", (event) => {
    player.srcObject = event.streams[0] ?? new MediaStream([event.track]);
    void player.play().catch(() => undefined);
  });
  if (microphone) for (const track of microphone.getTracks()) connection.addTrack(track, microphone);
  const leg = { connection, player };
  legs.set(name, leg);
  return leg;
}

function drop(name: string): void {
  offers.delete(name);
  ringing.set((now) => (now === name ? null : now));
  const leg = legs.get(name);
  if (!leg) return;
  legs.delete(name);
  leg.connection.close();
  leg.player.srcObject = null;
  leg.player.remove();
}

function gathered(connection: RTCPeerConnection): Promise<void> {
  return new Promise((done) => {
    const look = () => (connection.iceGatheringState === "complete" ? done() : undefined);
    connection.addEventListener("icegatheringstatechange", look);
    setTimeout(done, GATHER_MS);
    look();
  });
}
