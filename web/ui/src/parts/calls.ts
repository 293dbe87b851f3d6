/** Asking the server to act on calls. What becomes of it comes over the live socket. */
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { useMe } from "@/api/me";
import { asProblem } from "@/api/problem";
import type { Blocked } from "@/api/types";
import { formatWhen } from "@/lib/format";
import { uuid7 } from "@/lib/uuid";
import { useBoard, useMyAgent, useMyCall } from "@/live/hooks";

export interface Callee {
  leadId?: string;
  to?: string;
}

/** Places a call; the id is made once, so that a repeated request is not a second call. `quiet`: the asking screen says itself why not. */
export function useStartCall({ quiet = false } = {}) {
  return useMutation({
    meta: { quiet },
    mutationFn: ({ leadId, to, callId }: Callee & { callId: string }) =>
      unwrap(api.POST("/calls/start", { body: { call_id: callId, ...(leadId ? { lead_id: leadId } : { to }) } })),
    retry: (count, error) => count < 2 && "status" in error && error.status === 0,
  });
}

export const newCallId = (): string => uuid7();

/** Troubles of the server in which it takes no new calls. */
const HOLDS_CALLS = ["degraded", "draining"] as const;

/** Why no call can be placed now, whoever is to be called; null when one can. */
export function useCallObstacle(): string | null {
  const { t } = useTranslation();
  const me = useMe();
  const agent = useMyAgent();
  const call = useMyCall();
  const link = useBoard((now) => now.link);
  const alerts = useBoard((now) => now.alerts);
  if (me && !me.extension) return t("obstacle.noPhone");
  if (link !== "live") return t("obstacle.notConnected");
  const pausing = HOLDS_CALLS.find((code) => code in alerts);
  if (pausing) return t(`alert.${pausing}`);
  if (call && !call.call.ended_at) return t("obstacle.onCall");
  if (call) return t("obstacle.outcome");
  if (agent?.state === "unreachable" || (agent && !agent.reachable)) return t("obstacle.unreachable", { number: me?.extension?.number ?? "" });
  if (agent?.state === "ringing" || agent?.state === "reserved") return t("obstacle.onCall");
  return null;
}

/** The rule that forbids a call, and until when. */
export function useBlockText(): (blocked: Blocked | null | undefined) => string | null {
  const { t, i18n } = useTranslation();
  return (blocked) => {
    if (!blocked) return null;
    const known = `blocked.${blocked.rule}`;
    const text = i18n.exists(known) ? t(known) : blocked.detail;
    return blocked.allowed_at ? `${text} ${t("blocked.until", { when: formatWhen(blocked.allowed_at) })}` : text;
  };
}

/** Why a call was refused, in the reader's words where there are some. */
export function useRefusalText(): (error: unknown) => string {
  const { t } = useTranslation();
  const blockText = useBlockText();
  return (error) => {
    const problem = asProblem(error);
    if (problem.offline) return t("problem.offline");
    const { rule, allowed_at } = problem.body;
    if (typeof rule !== "string") return problem.message;
    return blockText({ rule, detail: problem.message, allowed_at: typeof allowed_at === "string" ? allowed_at : null }) ?? problem.message;
  };
}

type Command = "mute" | "hold" | "resume" | "hangup";

/** Acts on a live call of one's own. */
export function useCallCommand(callId: string) {
  return useMutation({
    mutationFn: async (command: { kind: Command; muted?: boolean } | { kind: "dtmf"; digits: string } | { kind: "pause"; paused: boolean }) => {
      const params = { params: { path: { id: callId } } };
      switch (command.kind) {
        case "mute":
          return unwrap(api.POST("/calls/{id}/mute", { ...params, body: { muted: command.muted ?? true } }));
        case "dtmf":
          return unwrap(api.POST("/calls/{id}/dtmf", { ...params, body: { digits: command.digits } }));
        case "hold":
          return unwrap(api.POST("/calls/{id}/hold", params));
        case "resume":
          return unwrap(api.POST("/calls/{id}/resume", params));
        case "hangup":
          return unwrap(api.POST("/calls/{id}/hangup", params));
        case "pause":
          return unwrap(api.POST("/calls/{id}/recording/pause", { ...params, body: { paused: command.paused } }));
      }
    },
  });
}
