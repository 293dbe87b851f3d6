import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { asProblem } from "@/api/problem";
import type { Lead, LeadChange, LeadStatus, Priority, TimelineKind } from "@/api/types";
import { wordsOf } from "@/parts/forms";
import { isOnItsWay } from "@/parts/recording";
import { toast } from "@/ui/toast";

export const leadKey = (id: string) => ["leads", id] as const;

export function useLead(id: string) {
  return useQuery({ queryKey: leadKey(id), queryFn: () => unwrap(api.GET("/leads/{id}", { params: { path: { id } } })) });
}

type Fields = Omit<LeadChange, "updated_at">;

/** Changes a lead, shows it at once, offers to take it back, and says so when somebody else was quicker. */
export function useChangeLead(id: string) {
  const queries = useQueryClient();
  const { t } = useTranslation();
  const change = useMutation({
    meta: { quiet: true },
    scope: { id: `lead-${id}` },
    mutationFn: ({ fields }: { fields: Fields; label: string; before?: Fields }) => {
      const known = queries.getQueryData<Lead>(leadKey(id));
      return unwrap(api.PATCH("/leads/{id}", { params: { path: { id } }, body: { ...fields, updated_at: known?.updated_at ?? "" } }));
    },
    onSuccess: (lead, { label, before }) => {
      queries.setQueryData(leadKey(id), lead);
      void queries.invalidateQueries({ queryKey: ["leads", id, "timeline"] });
      void queries.invalidateQueries({ queryKey: ["queue"] });
      toast("done", t("lead.saved", { field: label }), before ? { undoLabel: t("ui.undo"), undo: () => change.mutate({ fields: before, label }) } : {});
    },
    onError: (error, { label }) => {
      const problem = asProblem(error);
      void queries.invalidateQueries({ queryKey: leadKey(id) });
      toast("failed", t("lead.notSaved", { field: label }), { detail: problem.status === 409 ? t("lead.changedMeanwhile") : (problem.fields[0] ? wordsOf(problem.fields[0]) : problem.message) });
    },
  });
  return change;
}

export function useTimeline(id: string, kind: TimelineKind | undefined) {
  return useInfiniteQuery({
    queryKey: ["leads", id, "timeline", kind ?? "all"],
    queryFn: ({ pageParam }) => unwrap(api.GET("/leads/{id}/timeline", { params: { path: { id }, query: { limit: 30, ...(kind ? { kind } : {}), ...(pageParam ? { cursor: pageParam } : {}) } } })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    // A recording that is being stored is there in a moment.
    refetchInterval: (query) => (query.state.data?.pages.some((page) => page.items.some(({ call }) => isOnItsWay(call?.recording))) ? 2_000 : false),
  });
}

export function useAddNote(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (text: string) => unwrap(api.POST("/leads/{id}/notes", { params: { path: { id } }, body: { text } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["leads", id, "timeline"] }),
  });
}

export function useLeads(q: string, status: LeadStatus | undefined, priority: Priority | undefined) {
  return useInfiniteQuery({
    queryKey: ["leads", "list", q, status ?? "", priority ?? ""],
    queryFn: ({ pageParam }) => unwrap(api.GET("/leads", { params: { query: { limit: 60, ...(q ? { q } : {}), ...(status ? { status } : {}), ...(priority ? { priority } : {}), ...(pageParam ? { cursor: pageParam } : {}) } } })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}
