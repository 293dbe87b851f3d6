import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { meKey } from "@/api/me";
import { signedIn } from "@/api/session";
import type { Call, Me } from "@/api/types";
import DialPad from "@/features/dial/DialPad";
import { recentOf } from "@/features/dial/api";
import { startWords } from "@/i18n";
import { board } from "@/live/socket";

type Answer = { status: number; body: unknown };
let asked: unknown[];
let answer: Answer;
const lead = { id: "l1", name: "Kamala Bhat", phone: "+919820012345" };
const calls = [
  { direction: "outbound", to: "+919820012345", from: "+912212345678", lead_id: "l1", lead_name: "Kamala Bhat", started_at: "2026-11-20T06:00:00Z" },
  { direction: "internal", to: "102", from: "101", started_at: "2026-11-20T05:59:00Z" },
  { direction: "outbound", to: "+919820012345", from: "+912212345678", lead_id: "l1", lead_name: "Kamala Bhat", started_at: "2026-11-20T05:58:00Z" },
  { direction: "inbound", to: "+912212345678", from: "+919811100000", started_at: "2026-11-20T05:57:00Z" },
  { direction: "inbound", to: "+912212345678", from: "+9198•••••00", started_at: "2026-11-20T05:56:00Z" },
] as Call[];

beforeAll(() => startWords());
beforeEach(() => {
  asked = [];
  answer = { status: 202, body: { call_id: "c1" } };
  signedIn({ access_token: "t", refresh_token: "r", expires_in: 900 });
  board.set((now) => ({ ...now, link: "live" }));
  vi.stubGlobal("fetch", async (request: Request) => {
    const { pathname, searchParams } = new URL(request.url);
    const say = ({ status, body }: Answer) => new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
    if (pathname.endsWith("/calls/start")) {
      asked.push(JSON.parse(await request.text()));
      return say(answer);
    }
    if (pathname.endsWith("/leads")) return say({ status: 200, body: { items: "9820012345".includes(searchParams.get("q") ?? "") ? [lead] : [] } });
    return say({ status: 200, body: { items: pathname.endsWith("/calls") ? calls : [] } });
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function show(more: Partial<Me> = {}) {
  const queries = new QueryClient();
  queries.setQueryData(meKey, { id: "u1", role: "telecaller", extension: { number: "101" }, dials_any_number: true, ...more });
  const onClose = vi.fn();
  render(
    <QueryClientProvider client={queries}>
      <DialPad start="" onClose={onClose} />
    </QueryClientProvider>,
  );
  return { onClose, field: screen.getByRole("textbox", { name: "Number or name" }) };
}
const type = (field: HTMLElement, value: string) => fireEvent.change(field, { target: { value } });

describe("dial pad", () => {
  it("begins with the cursor in the field and calls the number meant, however it is written", async () => {
    const user = userEvent.setup();
    for (const written of ["098111 00000", "+91-98111-00000", "Mob: 98111 00000", "००९१ ९८१११ ०००००", "(0) 98111 00000"]) {
      asked = [];
      const { field, onClose } = show();
      expect(field).toHaveFocus();
      type(field, written);
      await screen.findByText("Understood as +91 98111 00000");
      field.focus();
      await user.keyboard("{Enter}");
      await waitFor(() => expect(onClose).toHaveBeenCalled());
      expect(asked).toEqual([expect.objectContaining({ to: "+919811100000", call_id: expect.any(String) })]);
      cleanup();
    }
  });

  it("is typed by its keys as well, and the last digit is taken back", async () => {
    const user = userEvent.setup();
    const { field } = show();
    for (const key of ["9", "8", "+"]) await user.click(screen.getByRole("button", { name: `Key ${key}` }));
    expect(field).toHaveValue("98+");
    await user.click(screen.getByRole("button", { name: "Delete the last digit" }));
    expect(field).toHaveValue("98");
    expect(field).toHaveFocus();
  });

  it("says at the field why a number may not be called, until another is typed", async () => {
    answer = { status: 409, body: { title: "x", detail: "numbers that belong to no lead", rule: "manual_dialing_off" } };
    const { field, onClose } = show({ dials_any_number: false });
    expect(field).toHaveAccessibleDescription("Only numbers of your leads may be called.");
    type(field, "9811100000");
    fireEvent.submit(field);
    await screen.findByText("Only numbers of leads may be called.");
    expect(field).toBeInvalid();
    expect(field).toHaveFocus();
    expect(onClose).not.toHaveBeenCalled();
    type(field, "981110000");
    expect(field).toBeValid();
  });

  it("leaves it to the server what a short number is", async () => {
    const { field } = show();
    type(field, "112");
    fireEvent.submit(field);
    await waitFor(() => expect(asked).toEqual([expect.objectContaining({ to: "112" })]));
  });

  it("asks for a number when there is none", async () => {
    const { field } = show();
    fireEvent.submit(field);
    expect(field).toHaveAccessibleDescription(expect.stringContaining("Type or paste a number"));
    expect(asked).toEqual([]);
  });

  it("finds the lead while the number is typed; the arrows reach it and Enter calls", async () => {
    const user = userEvent.setup();
    const { field } = show();
    await user.type(field, "98200");
    await screen.findByRole("button", { name: /^Kamala Bhat .*Call$/ });
    await user.keyboard("{ArrowDown}{Enter}");
    await waitFor(() => expect(asked).toEqual([expect.objectContaining({ lead_id: "l1" })]));
  });

  it("offers the last numbers, each once, none that is masked", async () => {
    expect(recentOf(calls).map(({ phone }) => phone)).toEqual(["+919820012345", "+919811100000"]);
    show();
    const list = await screen.findByRole("list", { name: "Recent numbers" });
    expect(list.querySelectorAll("li")).toHaveLength(2);
  });

  it("goes away by Escape", async () => {
    const { field, onClose } = show();
    fireEvent.keyDown(field, { code: "Escape" });
    expect(onClose).toHaveBeenCalled();
  });
});
