import { CSPProvider } from "@base-ui/react/csp-provider";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import i18next from "i18next";
import { useEffect } from "react";
import { asProblem } from "@/api/problem";
import { session } from "@/api/session";
import { createAppRouter } from "@/app/router";
import { installKeyboard } from "@/app/keyboard";
import { formatWhen } from "@/lib/format";
import { Toasts, toast } from "@/ui/toast";
import { TooltipLayer } from "@/ui/Tooltip";

/** A refusal says why; a failure to reach the server is said once by the banner, not by every query. */
function tell(error: unknown): void {
  const problem = asProblem(error);
  if (problem.status === 401) return;
  const rule = typeof problem.body.rule === "string" ? `blocked.${problem.body.rule}` : "";
  if (rule && i18next.exists(rule)) {
    const until = typeof problem.body.allowed_at === "string" ? ` ${i18next.t("blocked.until", { when: formatWhen(problem.body.allowed_at) })}` : "";
    toast("failed", i18next.t("blocked.title"), { detail: i18next.t(rule) + until });
    return;
  }
  toast("failed", problem.offline ? i18next.t("problem.offline") : problem.title, { detail: problem.offline ? undefined : problem.detail });
}

const queries = new QueryClient({
  queryCache: new QueryCache(),
  mutationCache: new MutationCache({
    onError: (error, _variables, _context, mutation) => {
      if (!mutation.meta?.quiet) tell(error);
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      retry: (count, error) => {
        const { status } = asProblem(error);
        return count < 2 && (status === 0 || status >= 500);
      },
    },
    mutations: { retry: false, networkMode: "always" },
  },
});
const router = createAppRouter(queries);

export function App() {
  useEffect(() => installKeyboard(), []);
  useEffect(
    () =>
      session.subscribe(() => {
        if (session.get() !== "signed_out") return;
        queries.clear();
        void router.invalidate();
      }),
    [],
  );
  return (
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
        <Toasts />
        <TooltipLayer />
      </QueryClientProvider>
    </CSPProvider>
  );
}
