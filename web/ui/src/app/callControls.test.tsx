import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { signedIn } from "@/api/session";
import { installKeyboard } from "@/app/keyboard";
import { ControlPanel } from "@/features/hud/ControlPanel";
import { startWords } from "@/i18n";
import type { LiveCall } from "@/live/board";

const live = (more: Partial<LiveCall> = {}, status = "in_progress"): LiveCall =>
  ({ call: { id: "c1", status, direction: "outbound" }, agentConnected: true, customerRinging: false, held: false, muted: false, recording: true, recordingPaused: false, digits: "", lead: null, ...more }) as unknown as LiveCall;

let asked: { path: string; body: unknown }[];
beforeAll(() => startWords());
beforeEach(() => {
  asked = [];
  signedIn({ access_token: "t", refresh_token: "r", expires_in: 900 });
  vi.stubGlobal("fetch", async (request: Request) => {
    asked.push({ path: new URL(request.url).pathname.replace("/api/v1/calls/c1/", ""), body: JSON.parse((await request.text()) || "null") as unknown });
    return new Response("{}", { status: 202, headers: { "content-type": "application/json" } });
  });
});
afterEach(() => vi.unstubAllGlobals());

function show(call: LiveCall) {
  const stop = installKeyboard();
  const drawn = render(
    <QueryClientProvider client={new QueryClient()}>
      <ControlPanel live={call} />
    </QueryClientProvider>,
  );
  return { ...drawn, stop };
}
const press = async (init: KeyboardEventInit) => {
  fireEvent.keyDown(document.body, init);
  await act(() => new Promise((done) => setTimeout(done, 0)));
};
const click = async (name: string) => {
  fireEvent.click(screen.getByRole("button", { name }));
  await act(() => new Promise((done) => setTimeout(done, 0)));
};

describe("call controls", () => {
  it("send the keys pressed and clicked, in order, and show them", async () => {
    const { stop } = show(live());
    await click("Keypad");
    await click("Key 5");
    await press({ code: "Numpad7" });
    await press({ code: "Digit3", shiftKey: true });
    await press({ code: "Digit8", shiftKey: true });
    await vi.waitFor(() => expect(asked.map((one) => one.body)).toEqual([{ digits: "5" }, { digits: "7" }, { digits: "#" }, { digits: "*" }]));
    expect(screen.getByRole("status", { name: "Keys sent" })).toHaveTextContent("57#*");
    stop();
  });

  it("keep digits for the keypad only while it is open", async () => {
    const { stop } = show(live());
    await press({ code: "Digit5" });
    await click("Keypad");
    await click("Keypad");
    await press({ code: "Digit5" });
    expect(asked).toEqual([]);
    stop();
  });

  it("close the keypad when the talk is over, and say what the customer pressed", async () => {
    const { rerender, stop } = show(live({ digits: "42" }));
    await click("Keypad");
    expect(screen.getByText("Customer pressed 42")).toBeInTheDocument();
    rerender(
      <QueryClientProvider client={new QueryClient()}>
        <ControlPanel live={live({}, "completed")} />
      </QueryClientProvider>,
    );
    expect(screen.queryByRole("group", { name: "Keypad" })).toBeNull();
    stop();
  });

  it("say why they cannot be used before the answer, and do nothing", async () => {
    const { stop } = show(live({ customerRinging: true }, "ringing"));
    for (const name of ["Mute", "Hold", "Keypad", "Pause rec."]) {
      expect(screen.getByRole("button", { name })).toHaveAccessibleDescription("Possible once the call is answered");
      await click(name);
    }
    expect(asked).toEqual([]);
    await click("End call");
    await vi.waitFor(() => expect(asked.map((one) => one.path)).toEqual(["hangup"]));
    stop();
  });
});
