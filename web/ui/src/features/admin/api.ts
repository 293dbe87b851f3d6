import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { User } from "@/api/types";

const next = { initialPageParam: "", getNextPageParam: (page: { next_cursor?: string | null }) => page.next_cursor ?? undefined };
const part = (cursor: string) => ({ limit: 100, ...(cursor ? { cursor } : {}) });

export const useUsers = (q = "") =>
  useInfiniteQuery({ queryKey: ["users", q], queryFn: ({ pageParam }) => unwrap(api.GET("/users", { params: { query: { ...part(pageParam), ...(q ? { q } : {}) } } })), ...next });

/** All of them, for forms that choose one: a person who is not among the options would be lost on saving. */
export const useEverybody = () =>
  useQuery({
    queryKey: ["users", "everybody"],
    queryFn: async () => {
      const all: User[] = [];
      let cursor: string | null | undefined = "";
      do {
        const page: { items: User[]; next_cursor?: string | null } = await unwrap(api.GET("/users", { params: { query: part(cursor) } }));
        all.push(...page.items);
        cursor = page.next_cursor;
      } while (cursor);
      return all;
    },
  });

/** `often`: somebody waits for a phone to register. */
export const useExtensions = (often = false) =>
  useInfiniteQuery({ queryKey: ["extensions"], queryFn: ({ pageParam }) => unwrap(api.GET("/extensions", { params: { query: part(pageParam) } })), ...next, refetchInterval: often ? 2_000 : 15_000 });

export const useNumbers = () => useInfiniteQuery({ queryKey: ["numbers"], queryFn: ({ pageParam }) => unwrap(api.GET("/numbers", { params: { query: part(pageParam) } })), ...next });

export const useTrunks = () =>
  useInfiniteQuery({ queryKey: ["trunks"], queryFn: ({ pageParam }) => unwrap(api.GET("/trunks", { params: { query: part(pageParam) } })), ...next, refetchInterval: 10_000 });

export const useSettings = () => useQuery({ queryKey: ["settings"], queryFn: () => unwrap(api.GET("/settings")), staleTime: 60_000 });

/** Everything of a paged list that has come so far. */
export const rowsOf = <T,>(query: { data?: { pages: { items: T[] }[] } | undefined }): T[] => query.data?.pages.flatMap((page) => page.items) ?? [];
