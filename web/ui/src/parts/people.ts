/** Finding people while somebody types. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { searchTerm } from "@/lib/phone";

/** A few people by name or number. */
export function usePeople(text: string) {
  const q = searchTerm(text);
  return useQuery({
    queryKey: ["leads", "who", q],
    queryFn: async () => (await unwrap(api.GET("/leads", { params: { query: { q, limit: 5 } } }))).items,
    enabled: q.length >= 2,
  });
}
