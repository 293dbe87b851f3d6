import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { accessToken, session } from "@/api/session";
import { needWords } from "@/i18n";
import { fetchMe, leadsTeam, meKey } from "@/api/me";
import { NotFound, RouteError } from "@/app/RouteError";

interface RouterContext {
  queries: QueryClient;
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
const texts = <K extends string>(search: Record<string, unknown>, keys: readonly K[]): Partial<Record<K, string>> =>
  Object.fromEntries(keys.flatMap((key) => (text(search[key]) ? [[key, text(search[key])]] : []))) as Partial<Record<K, string>>;
const oneOf = <T extends string>(value: unknown, allowed: readonly T[]): T | undefined => allowed.find((one) => one === value);

const root = createRootRouteWithContext<RouterContext>()({ notFoundComponent: NotFound, errorComponent: RouteError });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { to?: string } => {
    const to = text(search.to);
    return to?.startsWith("/") && !to.startsWith("//") ? { to } : {};
  },
  beforeLoad: async ({ search }) => {
    if (session.get() === "signed_in") throw redirect({ to: search.to ?? "/" });
    await needWords("account");
  },
  component: lazyRouteComponent(() => import("@/features/auth/SignIn"), "SignIn"),
});

const forgotPassword = createRoute({ getParentRoute: () => root, path: "/forgot-password", beforeLoad: () => needWords("account"), component: lazyRouteComponent(() => import("@/features/auth/ForgotPassword"), "ForgotPassword") });
const resetPassword = createRoute({ getParentRoute: () => root, path: "/reset-password", beforeLoad: () => needWords("account"), component: lazyRouteComponent(() => import("@/features/auth/ResetPassword"), "ResetPassword") });

const desk = createRoute({
  getParentRoute: () => root,
  id: "desk",
  beforeLoad: async ({ location }) => {
    const token = await accessToken();
    if (!token) throw redirect({ to: "/sign-in", search: location.pathname === "/" ? {} : { to: location.href } });
  },
  component: lazyRouteComponent(() => import("@/app/shell/Shell"), "Shell"),
});

const home = createRoute({
  getParentRoute: () => desk,
  path: "/",
  beforeLoad: async ({ context }) => {
    const me = await context.queries.ensureQueryData({ queryKey: meKey, queryFn: fetchMe });
    throw redirect({ to: leadsTeam(me.role) || me.role === "viewer" ? "/floor" : "/queue" });
  },
});

const TABS = ["callback", "fresh", "retry", "all"] as const;
export type QueueTab = (typeof TABS)[number];

const queue = createRoute({
  getParentRoute: () => desk,
  path: "/queue",
  validateSearch: (search: Record<string, unknown>): { tab?: QueueTab; q?: string } => {
    const tab = oneOf(search.tab, TABS);
    const q = text(search.q);
    return { ...(tab ? { tab } : {}), ...(q ? { q } : {}) };
  },
  component: lazyRouteComponent(() => import("@/features/queue/QueuePage"), "QueuePage"),
});

const leads = createRoute({
  getParentRoute: () => desk,
  path: "/leads",
  validateSearch: (search: Record<string, unknown>): { q?: string; status?: string; priority?: string; view?: string } => texts(search, ["q", "status", "priority", "view"]),
  component: lazyRouteComponent(() => import("@/features/lead/LeadsPage"), "LeadsPage"),
});

const lead = createRoute({
  getParentRoute: () => desk,
  path: "/leads/$leadId",
  component: lazyRouteComponent(() => import("@/features/lead/LeadPage"), "LeadPage"),
});

const calls = createRoute({
  getParentRoute: () => desk,
  path: "/calls",
  validateSearch: (search: Record<string, unknown>): { direction?: string; status?: string; disposition?: string; period?: string; from?: string; to?: string; call?: string; view?: string } =>
    texts(search, ["direction", "status", "disposition", "period", "from", "to", "call", "view"]),
  component: lazyRouteComponent(() => import("@/features/calls/CallsPage"), "CallsPage"),
});

const floor = createRoute({
  getParentRoute: () => desk,
  path: "/floor",
  component: lazyRouteComponent(() => import("@/features/floor/FloorPage"), "FloorPage"),
});

const account = createRoute({ getParentRoute: () => desk, path: "/account", beforeLoad: () => needWords("account"), component: lazyRouteComponent(() => import("@/features/account/AccountPage"), "AccountPage") });

const admin = createRoute({ getParentRoute: () => desk, path: "/admin", beforeLoad: () => needWords("admin", "account"), component: lazyRouteComponent(() => import("@/features/admin/AdminLayout"), "AdminLayout") });
const adminHome = createRoute({
  getParentRoute: () => admin,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/admin/users" });
  },
});
const users = createRoute({ getParentRoute: () => admin, path: "/users", component: lazyRouteComponent(() => import("@/features/admin/users/UsersPage"), "UsersPage") });
const extensions = createRoute({ getParentRoute: () => admin, path: "/extensions", component: lazyRouteComponent(() => import("@/features/admin/extensions/ExtensionsPage"), "ExtensionsPage") });
const trunks = createRoute({ getParentRoute: () => admin, path: "/trunks", component: lazyRouteComponent(() => import("@/features/admin/trunks/TrunksPage"), "TrunksPage") });
const numbers = createRoute({ getParentRoute: () => admin, path: "/numbers", component: lazyRouteComponent(() => import("@/features/admin/numbers/NumbersPage"), "NumbersPage") });
const dispositions = createRoute({ getParentRoute: () => admin, path: "/dispositions", component: lazyRouteComponent(() => import("@/features/admin/dispositions/DispositionsPage"), "DispositionsPage") });
const settings = createRoute({ getParentRoute: () => admin, path: "/settings", component: lazyRouteComponent(() => import("@/features/admin/settings/SettingsPage"), "SettingsPage") });
const audit = createRoute({
  getParentRoute: () => admin,
  path: "/audit",
  validateSearch: (search: Record<string, unknown>): { action?: string; actor?: string } => {
    const action = text(search.action);
    const actor = text(search.actor);
    return { ...(action ? { action } : {}), ...(actor ? { actor } : {}) };
  },
  component: lazyRouteComponent(() => import("@/features/admin/audit/AuditPage"), "AuditPage"),
});

const tree = root.addChildren([
  signIn,
  forgotPassword,
  resetPassword,
  desk.addChildren([home, queue, leads, lead, calls, floor, account, admin.addChildren([adminHome, users, extensions, trunks, numbers, dispositions, settings, audit])]),
]);

export function createAppRouter(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queries },
    defaultPreload: "intent",
    defaultErrorComponent: RouteError,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: false,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
