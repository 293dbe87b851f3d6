import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { DispositionRequest, Lead, LeadNew, Objection, TimelineItem } from "@/api/types";
import type { LiveCall } from "@/live/board";
import { searchTerm } from "@/lib/phone";
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

/** Everybody known under a number, for a caller nobody matched. */
export function usePeopleWith(phone: string) {
  return useQuery({
    queryKey: ["leads", "phone", phone],
    queryFn: async () => (await unwrap(api.GET("/leads", { params: { query: { q: searchTerm(phone), limit: 5 } } }))).items,
    enabled: phone.length > 5,
  });
}

export function useCreateLead() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: LeadNew) => unwrap(api.POST("/leads", { body })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["leads"] }),
  });
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
