import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { session } from "./session";
import type { Me, Role } from "./types";
import { useStore } from "@/lib/store";

export const meKey = ["me"] as const;
export const fetchMe = (): Promise<Me> => unwrap(api.GET("/me"));

/** Who is signed in; undefined while that is being asked. */
export function useMe(): Me | undefined {
  const signedIn = useStore(session) === "signed_in";
  return useQuery({ queryKey: meKey, queryFn: fetchMe, staleTime: 60_000, enabled: signedIn }).data;
}

const RANK: Record<Role, number> = { viewer: 0, field_agent: 1, telecaller: 1, manager: 2, admin: 3, platform_admin: 3 };

/** What a role may see; the server decides again on every request. */
export const isAdmin = (role: Role | undefined): boolean => role !== undefined && RANK[role] >= 3;
export const leadsTeam = (role: Role | undefined): boolean => role !== undefined && RANK[role] >= 2;
export const makesCalls = (role: Role | undefined): boolean => role !== undefined && role !== "viewer";
