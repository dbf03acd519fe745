// What the rooms read, and how often they look again.
import { QueryClient, queryOptions } from "@tanstack/react-query";
import { keepSecret, Refused } from "./call.ts";
import {
  getBill,
  getBilling,
  getFactor,
  getPasskeyLogin,
  getServer,
  getSession,
  getShop,
  getSignOn,
  listIdentities,
  listInvitations,
  listKeys,
  listLedger,
  listPasskeys,
  listServers,
  listSessions,
  listShares,
  listTokens,
  serverSizes,
  serverTemplates,
  shopTemplates,
} from "./generated/panel.ts";

const WORKING_MS = 1_500;
const QUIET_MS = 5_000;
const LIVE_MS = 2_000;
/** Hours are booked when they are over. */
const BOOKED_MS = 60_000;

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

/** Whether there is another way to log in than a password. */
export const signOnQuery = queryOptions({
  queryKey: ["sign-on"],
  queryFn: async ({ signal }) => (await getSignOn({ signal })).data,
  staleTime: 60_000,
});

export const identitiesQuery = queryOptions({
  queryKey: ["identities"],
  queryFn: async ({ signal }) => (await listIdentities({ signal })).data,
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

export const sharesQuery = (uuid: string) =>
  queryOptions({
    queryKey: ["servers", uuid, "shares"],
    queryFn: async ({ signal }) => (await listShares(uuid, { signal })).data,
  });

export const invitationsQuery = queryOptions({
  queryKey: ["invitations"],
  queryFn: async ({ signal }) => (await listInvitations({ signal })).data,
});

export const factorQuery = queryOptions({
  queryKey: ["factor"],
  queryFn: async ({ signal }) => (await getFactor({ signal })).data,
});

export const passkeysQuery = queryOptions({
  queryKey: ["passkeys"],
  queryFn: async ({ signal }) => (await listPasskeys({ signal })).data,
});

/** Whether one may log in with one, of whoever is not logged in yet. */
export const passkeyLoginQuery = queryOptions({
  queryKey: ["passkeyLogin"],
  queryFn: async ({ signal }) => (await getPasskeyLogin({ signal })).data,
  staleTime: 60_000,
});

export const keysQuery = queryOptions({
  queryKey: ["keys"],
  queryFn: async ({ signal }) => (await listKeys({ signal })).data,
});

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: async ({ signal }) => (await listTokens({ signal })).data,
});

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: async ({ signal }) => (await listSessions({ signal })).data,
});

export const shopQuery = queryOptions({
  queryKey: ["shop"],
  queryFn: async ({ signal }) => (await getShop({ signal })).data,
});

export const shopTemplatesQuery = (location: string, size: string, pack: boolean) =>
  queryOptions({
    queryKey: ["shop", "templates", location, size, pack],
    queryFn: async ({ signal }) => {
      const place = { locationId: Number(location), sizeId: Number(size), pack };
      return (await shopTemplates(place, { signal })).data;
    },
    enabled: location !== "" && size !== "",
    staleTime: 60_000,
  });

export const sizesQuery = (uuid: string) =>
  queryOptions({
    queryKey: ["servers", uuid, "sizes"],
    queryFn: async ({ signal }) => (await serverSizes(uuid, { signal })).data,
  });

export const billingQuery = queryOptions({
  queryKey: ["billing"],
  queryFn: async ({ signal }) => (await getBilling({ signal })).data,
  refetchInterval: BOOKED_MS,
});

export const billQuery = (month: string) =>
  queryOptions({
    queryKey: ["billing", "usage", month],
    queryFn: async ({ signal }) => (await getBill({ month }, { signal })).data,
  });

const LINES = 20;

export const ledgerQuery = (month: string, page: number) =>
  queryOptions({
    queryKey: ["billing", "ledger", month, page],
    queryFn: async ({ signal }) => listLedger({ month, page, results: LINES }, { signal }),
  });
