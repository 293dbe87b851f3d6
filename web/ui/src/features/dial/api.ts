import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { Call } from "@/api/types";

/** A number one has talked with. */
export interface Recent {
  phone: string;
  leadId: string | null;
  name: string | null;
  at: string;
  direction: Call["direction"];
}

const far = (call: Call): string => (call.direction === "inbound" ? call.from : call.to);

/** The last numbers, each once, newest first; what cannot be dialled again is left out. Pure. */
export function recentOf(calls: readonly Call[], most = 6): Recent[] {
  const found = new Map<string, Recent>();
  for (const call of calls) {
    const phone = far(call);
    if (call.direction === "internal" || found.has(phone) || (!call.lead_id && !/^\+?\d+$/.test(phone))) continue;
    found.set(phone, { phone, leadId: call.lead_id ?? null, name: call.lead_name ?? null, at: call.started_at, direction: call.direction });
  }
  return [...found.values()].slice(0, most);
}

export function useRecent(userId: string | undefined) {
  return useQuery({
    queryKey: ["calls", "recent", userId],
    queryFn: async () => recentOf((await unwrap(api.GET("/calls", { params: { query: { limit: 40, ...(userId ? { agent_id: userId } : {}) } } }))).items),
    enabled: userId !== undefined,
    staleTime: 5_000,
  });
}
