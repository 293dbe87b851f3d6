import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { signedIn } from "@/api/session";
import { emptyBoard } from "./board";
import { board, connectLive, outcomeSaved } from "./socket";

/** The browser's own socket cannot be had here: this one does what the test says a network does. */
class Wire {
  static made: Wire[] = [];
  static readonly OPEN = 1;
  readyState = 0;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  constructor(readonly url: string) {
    Wire.made.push(this);
  }
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.drop(1000);
  }
  async opens() {
    this.readyState = Wire.OPEN;
    this.onopen?.();
    await vi.advanceTimersByTimeAsync(0);
  }
  says(message: object) {
    this.onmessage?.({ data: JSON.stringify({ at: "2026-11-20T05:00:00Z", ...message }) });
  }
  drop(code: number) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

const call = (id: string, more: object = {}) => ({ id, call_id: id, status: "in_progress", direction: "outbound", started_at: "2026-11-20T05:00:00Z", agent_id: "asha", ...more });
const snapshot = (seq: number, calls: object[] = []) => ({ seq, type: "snapshot", data: { agent: { user_id: "asha", state: "ready", pending_outcomes: [] }, calls, pending: [], agents: [], alerts: [] } });
const latest = () => Wire.made.at(-1) as Wire;
let close: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Wire);
  Wire.made = [];
  localStorage.clear();
  signedIn({ access_token: "first", refresh_token: "r", expires_in: 900 });
  close = connectLive();
});
afterEach(() => {
  close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("the live socket", () => {
  it("says the token in its first message, never in its address", async () => {
    await latest().opens();
    expect(latest().url).not.toContain("first");
    expect(latest().sent).toEqual([JSON.stringify({ token: "first" })]);
  });

  it("comes back after a loss, and a new snapshot replaces what was shown", async () => {
    await latest().opens();
    latest().says(snapshot(5, [call("a"), call("b")]));
    expect(Object.keys(board.get().calls)).toEqual(["a", "b"]);
    latest().drop(1006);
    expect(board.get().link).toBe("lost");
    expect(Object.keys(board.get().calls)).toEqual(["a", "b"]);
    await vi.advanceTimersByTimeAsync(500);
    expect(Wire.made).toHaveLength(2);
    await latest().opens();
    latest().says(snapshot(3, [call("b")]));
    expect(board.get().link).toBe("live");
    expect(Object.keys(board.get().calls)).toEqual(["b"]);
    // The server may count anew after a restart: the snapshot is the measure.
    latest().says({ seq: 4, type: "call:ended", data: call("b", { status: "completed", disposition: "BUSY" }) });
    expect(board.get().calls).toEqual({});
  });

  it("tries with ever more patience, but never rarer than every ten seconds", async () => {
    for (let tries = 0; tries < 12; tries += 1) {
      latest().drop(1006);
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(Wire.made).toHaveLength(13);
    latest().drop(1006);
    await vi.advanceTimersByTimeAsync(4_000);
    expect(Wire.made).toHaveLength(13);
    window.dispatchEvent(new Event("online"));
    expect(Wire.made).toHaveLength(14);
  });

  it("asks for a new token when the server refused the old one", async () => {
    vi.stubGlobal("fetch", vi.fn(async () => new Response(JSON.stringify({ access_token: "second", refresh_token: "r2", expires_in: 900 }))));
    await latest().opens();
    latest().drop(4401);
    await vi.advanceTimersByTimeAsync(500);
    await latest().opens();
    expect(latest().sent).toEqual([JSON.stringify({ token: "second" })]);
  });

  it("renews its token before it ends", async () => {
    await latest().opens();
    await vi.advanceTimersByTimeAsync(12 * 60_000);
    expect(latest().sent).toHaveLength(2);
  });

  it("knows nothing of things a newer server tells, and goes on", async () => {
    await latest().opens();
    latest().says(snapshot(1));
    latest().says({ seq: 2, type: "weather", data: { id: "x" } });
    expect(board.get().calls).toEqual({});
    latest().says({ seq: 3, type: "call:started", data: call("c", { status: "initiated" }) });
    expect(Object.keys(board.get().calls)).toEqual(["c"]);
  });

  it("lets a judged call go without waiting", async () => {
    await latest().opens();
    latest().says({ ...snapshot(1), data: { ...snapshot(1).data, pending: [call("d", { status: "completed" })] } });
    outcomeSaved("d");
    expect(board.get().pending).toEqual({});
  });

  it("is silent once closed for good", async () => {
    await latest().opens();
    close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(Wire.made).toHaveLength(1);
    expect(board.get()).toBe(emptyBoard);
  });
});
