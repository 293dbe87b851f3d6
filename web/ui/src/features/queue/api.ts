import { useInfiniteQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { Category, Lead, QueueItem } from "@/api/types";

const PAGE = 60;

export type QueueTab = "callback" | "fresh" | "retry" | "all";

const CATEGORY: Record<QueueTab, Category | undefined> = { callback: "callback", fresh: "fresh", retry: "retry", all: undefined };

/** One's queue, best first, page by page. */
export function useQueue(tab: QueueTab, enabled: boolean) {
  const category = CATEGORY[tab];
  return useInfiniteQuery({
    queryKey: ["queue", tab],
    queryFn: ({ pageParam }) => unwrap(api.GET("/queue/mine", { params: { query: { ...(category ? { category } : {}), limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 60_000,
    enabled,
  });
}

/** Leads by name or number, shown in the form of the queue. */
export function useQueueSearch(q: string) {
  return useInfiniteQuery({
    queryKey: ["leads", "queue-search", q],
    queryFn: ({ pageParam }) => unwrap(api.GET("/leads", { params: { query: { q, limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    enabled: q !== "",
  });
}

export const asItem = (lead: Lead): QueueItem => ({
  lead,
  reason: { code: lead.category, at: lead.next_attempt_at, attempts: lead.attempts },
  blocked: lead.dnd ? { rule: "do_not_call", detail: "", allowed_at: null } : null,
});
