import { useQuery } from "@tanstack/react-query";
import i18next from "i18next";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import type { Disposition } from "@/api/types";

/** The tenant's outcomes in the order of the grid. */
export function useDispositions() {
  return useQuery({
    queryKey: ["dispositions"],
    queryFn: async (): Promise<Disposition[]> => (await unwrap(api.GET("/dispositions", { params: { query: { limit: 200 } } }))).items,
    staleTime: 10 * 60_000,
    select: (all) => [...all].sort((a, b) => a.position - b.position),
  });
}

/** Name of an outcome in the reader's language; its code when the list does not know it. */
export function useDispositionName(): (code: string) => string {
  const { i18n } = useTranslation();
  const all = useDispositions().data;
  return (code) => {
    const found = all?.find((one) => one.code === code);
    return found ? nameOf(found, i18n.language) : code.replaceAll("_", " ").toLowerCase();
  };
}

/** The tenant's own name in English; our words for the codes we know in any other language. */
export function nameOf(one: Disposition, language: string): string {
  const key = `disposition.${one.code}`;
  return language !== "en" && i18next.exists(key) ? i18next.t(key) : one.name;
}
