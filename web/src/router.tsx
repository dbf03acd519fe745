// Every address of the panel. The control server has the same list in `http/panel/assets.rs`.
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { Refused } from "./api/call.ts";
import { billingQuery, queryClient, serverQuery, serversQuery, sessionQuery, shopQuery } from "./api/queries.ts";
import { speak } from "./i18n.ts";
import { Broken, Lost, Waiting } from "./parts/Lost.tsx";
import { ProofDialog } from "./parts/Proof.tsx";
import { Login } from "./rooms/Login.tsx";
import { Servers } from "./rooms/Servers.tsx";
import { Shell } from "./rooms/Shell.tsx";
import { Server } from "./rooms/server/Server.tsx";

const root = createRootRoute({ component: Root, notFoundComponent: Lost });

function Root() {
  return (
    <>
      <Outlet />
      <ProofDialog />
    </>
  );
}

/** A path of this panel, and nothing that leads elsewhere. */
function ownPath(text: unknown): string | undefined {
  return typeof text === "string" && /^\/(?![/\\])/.test(text) ? text : undefined;
}

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search: Record<string, unknown>): { reason?: string; next?: string } => ({
    reason: typeof search.reason === "string" ? search.reason : undefined,
    next: ownPath(search.next),
  }),
  component: Login,
});

const forgotten = createRoute({
  getParentRoute: () => root,
  path: "/forgotten",
  component: lazyRouteComponent(() => import("./rooms/Forgotten.tsx"), "Forgotten"),
});
const newPassword = createRoute({
  getParentRoute: () => root,
  path: "/new-password",
  component: lazyRouteComponent(() => import("./rooms/Forgotten.tsx"), "NewPassword"),
});

/** What only somebody who is logged in sees. */
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  beforeLoad: async ({ location }) => {
    try {
      const { user } = await queryClient.ensureQueryData(sessionQuery);
      // A catalogue that does not come is no reason to show nothing: it is English then.
      await speak(user.language).catch(() => undefined);
    } catch (error) {
      const isStranger = error instanceof Refused && error.status === 401;
      if (!isStranger) throw error;
      const next = location.href === "/" ? undefined : location.href;
      throw redirect({ to: "/login", search: { next } });
    }
  },
  component: Shell,
  errorComponent: Broken,
  pendingComponent: Waiting,
});

const servers = createRoute({
  getParentRoute: () => inside,
  path: "/",
  loader: () => queryClient.ensureQueryData(serversQuery),
  component: Servers,
});

const server = createRoute({
  getParentRoute: () => inside,
  path: "/server/$uuid",
  loader: ({ params }) => queryClient.ensureQueryData(serverQuery(params.uuid)),
  component: Outlet,
  errorComponent: Broken,
  pendingComponent: Waiting,
});
const serverPage = createRoute({ getParentRoute: () => server, path: "/", component: Server });
const rebuild = createRoute({
  getParentRoute: () => server,
  path: "/rebuild",
  component: lazyRouteComponent(() => import("./rooms/server/Rebuild.tsx"), "Rebuild"),
});
const consoleRoom = createRoute({
  getParentRoute: () => server,
  path: "/console",
  validateSearch: (search: Record<string, unknown>): { kind?: "serial"; alone?: true } => ({
    kind: search.kind === "serial" ? "serial" : undefined,
    alone: search.alone ? true : undefined,
  }),
  component: lazyRouteComponent(() => import("./rooms/console/Console.tsx"), "Console"),
});

const profile = createRoute({
  getParentRoute: () => inside,
  path: "/profile",
  component: lazyRouteComponent(() => import("./rooms/profile/Profile.tsx"), "Profile"),
});

const newServer = createRoute({
  getParentRoute: () => inside,
  path: "/new",
  loader: () => queryClient.ensureQueryData(shopQuery),
  component: lazyRouteComponent(() => import("./rooms/shop/New.tsx"), "New"),
});
const billing = createRoute({
  getParentRoute: () => inside,
  path: "/billing",
  loader: () => queryClient.ensureQueryData(billingQuery),
  component: lazyRouteComponent(() => import("./rooms/billing/Billing.tsx"), "Billing"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    login,
    forgotten,
    newPassword,
    inside.addChildren([servers, server.addChildren([serverPage, rebuild, consoleRoom]), newServer, billing, profile]),
  ]),
  defaultPreload: "intent",
  defaultPendingComponent: Waiting,
  defaultErrorComponent: Broken,
  defaultNotFoundComponent: Lost,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

// Whoever's session has ended meanwhile is led to the login, and back afterwards.
queryClient.getQueryCache().subscribe((event) => {
  if (event.type !== "updated" || event.action.type !== "error") return;
  leaveIfEnded(event.action.error);
});
queryClient.getMutationCache().subscribe((event) => {
  if (event.type !== "updated" || event.action.type !== "error") return;
  if (event.mutation.options.mutationKey?.[0] !== "login") leaveIfEnded(event.action.error);
});

function leaveIfEnded(error: unknown) {
  const wasInside = queryClient.getQueryData(sessionQuery.queryKey) !== undefined;
  if (!(error instanceof Refused) || error.status !== 401 || !wasInside) return;
  const next = ownPath(router.state.location.href);
  queryClient.clear();
  void router.navigate({ to: "/login", search: { reason: "ended", next } });
}
