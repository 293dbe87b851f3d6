import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { DispositionRequest, Lead, LeadNew, Objection, TimelineItem } from "@/api/types";
import type { LiveCall } from "@/live/board";
import { outcomeSaved } from "@/live/socket";

/** The person in the call: from the screen pop where it brought them, else asked for. */
export function useCallLead({ call, lead: card }: LiveCall): { lead: Lead | null; history: readonly TimelineItem[]; pending: boolean } {
  const id = call.lead_id ?? "";
  const lead = useQuery({
    queryKey: ["leads", id],
    queryFn: () => unwrap(api.GET("/leads/{id}", { params: { path: { id } } })),
    enabled: id !== "",
    ...(card?.lead ? { initialData: card.lead } : {}),
  });
  const history = useQuery({
    queryKey: ["leads", id, "timeline", "short"],
    queryFn: async () => (await unwrap(api.GET("/leads/{id}/timeline", { params: { path: { id }, query: { limit: 8 } } }))).items,
    enabled: id !== "" && !card,
  });
  return { lead: lead.data ?? null, history: card?.history ?? history.data ?? [], pending: id !== "" && lead.isPending };
}

/** Says who is on the line: somebody known, or somebody written down now. The call is theirs from then on. */
export function useSayWho(callId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (who: { known: string } | { fresh: LeadNew }) => {
      const lead_id = "known" in who ? who.known : await writtenDown(who.fresh);
      await unwrap(api.PUT("/calls/{id}/lead", { params: { path: { id: callId } }, body: { lead_id } }));
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["leads"] }),
  });
}

/** A number that somebody wrote down meanwhile is theirs. */
async function writtenDown(body: LeadNew): Promise<string> {
  try {
    return (await unwrap(api.POST("/leads", { body }))).id;
  } catch (error) {
    const known = asProblem(error).body.conflict_id;
    if (typeof known === "string") return known;
    throw error;
  }
}

export const saveNotes = (callId: string, text: string): Promise<unknown> => unwrap(api.PUT("/calls/{id}/notes", { params: { path: { id: callId } }, body: { text } }));

/** `onSaved` runs before the call leaves the desk: the asking screen is gone right after. */
export function useSaveOutcome(callId: string, onSaved: (saved: DispositionRequest) => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: DispositionRequest) => unwrap(api.POST("/calls/{id}/disposition", { params: { path: { id: callId } }, body })),
    onSuccess: (_call, body) => {
      onSaved(body);
      outcomeSaved(callId);
      for (const queryKey of [["queue"], ["leads"], ["calls"]]) void queries.invalidateQueries({ queryKey });
    },
  });
}

export function useObjections(q: string) {
  return useQuery({
    queryKey: ["objections", q],
    queryFn: async (): Promise<Objection[]> => (await unwrap(api.GET("/objections", { params: { query: { ...(q ? { q } : {}), limit: 30 } } }))).items,
    staleTime: 5 * 60_000,
  });
}
