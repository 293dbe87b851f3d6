/** Lists saved under a name, on the server: personal, or shared by who leads. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { SavedView, ViewChange, ViewList, ViewNew } from "@/api/types";

/** What a list is asked, as the address holds it. */
export type Asked = Readonly<Record<string, string>>;

const key = (list: ViewList) => ["views", list] as const;
/** Counts are for orientation: as old as this at most while the page is looked at. */
const COUNTED_FOR_MS = 60_000;

export function useViews(list: ViewList) {
  return useQuery({
    queryKey: key(list),
    queryFn: async () => (await unwrap(api.GET("/views", { params: { query: { list, counts: true, limit: 100 } } }))).items,
    staleTime: COUNTED_FOR_MS,
    meta: { quiet: true },
  });
}

export function useViewActs(list: ViewList) {
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: key(list) });
  const put = (view: SavedView) => queries.setQueryData<SavedView[]>(key(list), (known) => [...(known ?? []).filter((one) => one.id !== view.id), view].sort((a, b) => a.position - b.position));
  return {
    create: useMutation({ mutationFn: (body: ViewNew) => unwrap(api.POST("/views", { body })), onSuccess: put, onSettled }),
    change: useMutation({ mutationFn: ({ id, ...body }: ViewChange & { id: string }) => unwrap(api.PATCH("/views/{id}", { params: { path: { id } }, body })), onSuccess: put, onSettled }),
    remove: useMutation({
      mutationFn: (id: string) => unwrap(api.DELETE("/views/{id}", { params: { path: { id } } })),
      onSuccess: (_done, id) => queries.setQueryData<SavedView[]>(key(list), (known) => (known ?? []).filter((one) => one.id !== id)),
      onSettled,
    }),
  };
}

const names = (asked: Asked): string[] => Object.keys(asked).filter((name) => asked[name] !== "");

/** The same filters, whatever their order. */
export function sameAsked(a: Asked, b: Asked): boolean {
  return names(a).length === names(b).length && names(a).every((name) => a[name] === b[name]);
}

/** Counts go no further than this on the server. */
export const COUNT_MOST = 1_000;
