// What the rooms read, and how often they look again.
import { QueryClient, queryOptions } from "@tanstack/react-query";
import { keepSecret, Refused } from "./call.ts";
import {
  getFactor,
  getServer,
  getSession,
  listKeys,
  listServers,
  listSessions,
  serverTemplates,
} from "./generated/panel.ts";

const WORKING_MS = 1_500;
const QUIET_MS = 5_000;
const LIVE_MS = 2_000;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal stays one; a network that is away comes back.
      retry: (count, error) => !(error instanceof Refused && error.status < 500) && count < 3,
      staleTime: 1_000,
    },
    mutations: { retry: false },
  },
});

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ signal }) => {
    const { data } = await getSession({ signal });
    keepSecret(data.csrf);
    return data;
  },
  staleTime: 60_000,
});

export const serversQuery = queryOptions({
  queryKey: ["servers"],
  queryFn: async ({ signal }) => (await listServers({ signal })).data,
  refetchInterval: (query) => (query.state.data?.some((one) => one.working) ? WORKING_MS : QUIET_MS),
});

export const serverQuery = (uuid: string) =>
  queryOptions({
    queryKey: ["servers", uuid],
    queryFn: async ({ signal }) => (await getServer(uuid, { signal })).data,
    refetchInterval: (query) => (query.state.data?.working ? WORKING_MS : LIVE_MS),
  });

export const templatesQuery = (uuid: string) =>
  queryOptions({
    queryKey: ["servers", uuid, "templates"],
    queryFn: async ({ signal }) => (await serverTemplates(uuid, { signal })).data,
    staleTime: 60_000,
  });

export const factorQuery = queryOptions({
  queryKey: ["factor"],
  queryFn: async ({ signal }) => (await getFactor({ signal })).data,
});

export const keysQuery = queryOptions({
  queryKey: ["keys"],
  queryFn: async ({ signal }) => (await listKeys({ signal })).data,
});

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: async ({ signal }) => (await listSessions({ signal })).data,
});
