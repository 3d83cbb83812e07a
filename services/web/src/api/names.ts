/** Names behind ids, for lists and screen pops: brands, queues, people, dispositions, each read once. */
import { useQuery } from "@tanstack/react-query";
import { mayEnter } from "../session/roles.ts";
import { useSession } from "../session/session.ts";
import { api, ask } from "./client.ts";
import type { Brand, Call, Colleague, Customer, Disposition, PhoneNumber, Queue, User } from "./types.ts";

const FRESH_MS = 60_000;
const ALL = { params: { query: { pageSize: 200 } } };

export function useBrands(enabled = true) {
  return useQuery({
    queryKey: ["brands"],
    queryFn: async (): Promise<Brand[]> => (await ask(api.GET("/v1/brands", ALL))).brands ?? [],
    staleTime: FRESH_MS,
    enabled,
  });
}

/** Numbers of the company. Agents don't read them. */
export function useNumbers(enabled = true) {
  return useQuery({
    queryKey: ["numbers", "all"],
    queryFn: async (): Promise<PhoneNumber[]> => (await ask(api.GET("/v1/numbers", ALL))).numbers ?? [],
    enabled,
  });
}

export function useQueues(enabled = true) {
  return useQuery({
    queryKey: ["queues"],
    queryFn: async (): Promise<Queue[]> => (await ask(api.GET("/v1/queues", ALL))).queues ?? [],
    staleTime: FRESH_MS,
    enabled,
  });
}

export function useUsers(enabled = true) {
  return useQuery({
    queryKey: ["users"],
    queryFn: async (): Promise<User[]> => (await ask(api.GET("/v1/users", ALL))).users ?? [],
    staleTime: FRESH_MS,
    enabled,
  });
}

/** Whom a call can be handed to; read again every `refetchMs` where their state matters. */
export function useColleagues(enabled = true, refetchMs?: number) {
  return useQuery({
    queryKey: ["colleagues"],
    queryFn: async (): Promise<Colleague[]> => (await ask(api.GET("/v1/colleagues", ALL))).colleagues ?? [],
    staleTime: refetchMs ? 0 : FRESH_MS,
    refetchInterval: refetchMs ?? false,
    enabled,
  });
}

export function useDispositions(enabled = true) {
  return useQuery({
    queryKey: ["dispositions"],
    queryFn: async (): Promise<Disposition[]> =>
      (await ask(api.GET("/v1/dispositions", ALL))).dispositions ?? [],
    staleTime: FRESH_MS,
    enabled,
  });
}

export function useCustomer(customerId: string | undefined) {
  return useQuery({
    queryKey: ["customer", customerId],
    queryFn: (): Promise<Customer> =>
      ask(api.GET("/v1/customers/{customerId}", { params: { path: { customerId: customerId ?? "" } } })),
    enabled: Boolean(customerId),
  });
}

/** Looks names up; an id nobody can name comes back as it is, no id as a dash. */
export function useNames() {
  const session = useSession();
  const role = session.status === "signedIn" ? session.user.role : undefined;
  const brands = useBrands().data;
  const queues = useQueues().data;
  const dispositions = useDispositions().data;
  const users = useUsers(mayEnter(role, "watch")).data;
  const own = session.status === "signedIn" ? session.user : undefined;
  return {
    brand: (id: string | undefined) => name(id, brands?.find((brand) => brand.brandId === id)?.displayName),
    queue: (id: string | undefined) => name(id, queues?.find((queue) => queue.queueId === id)?.displayName),
    disposition: (id: string | undefined) =>
      name(id, dispositions?.find((entry) => entry.dispositionId === id)?.displayName),
    user: (id: string | undefined) =>
      name(id, (own?.userId === id ? own : users?.find((user) => user.userId === id))?.displayName),
  };
}

function name(id: string | undefined, found: string | undefined): string {
  return found ?? (id || "–");
}

/** The options of a list of named things, by the field that holds their id. */
export function optionsOf<K extends string>(
  rows: readonly ({ [Key in K]?: string } & { displayName?: string })[],
  id: K,
) {
  return rows.map((row) => ({ value: row[id] ?? "", label: row.displayName ?? "" }));
}

/** Whether calls out may show it: one that was brought needs a trunk and an operator's approval. */
export function mayBeShown(number: PhoneNumber): boolean {
  return !number.brought || Boolean(number.trunkId && number.approveTime);
}

/** Who called, or who is called; nothing for an anonymous customer. */
export function customersNumber(call: Call): string | undefined {
  return call.direction === "DIRECTION_OUTBOUND" ? call.dialedNumber : call.callerNumber;
}
