/** What a supervisor may change of a contact that waits, and how two who change it at once get along. */
import { api, ask } from "../../../api/client.ts";
import { asProblem } from "../../../api/problem.ts";
import type { Contact } from "../../../api/types.ts";

export type Changeable = Pick<Contact, "priority" | "requiredSkills" | "preferredAgentId">;
export type Field = keyof Changeable;
export const FIELDS: readonly Field[] = ["priority", "requiredSkills", "preferredAgentId"];

/** The same with nothing unset, so that unset and nothing are one. */
export function changeable({ priority, requiredSkills, preferredAgentId }: Changeable): Required<Changeable> {
  return {
    priority: priority ?? 0,
    requiredSkills: (requiredSkills ?? []).map((each) => ({
      skillId: each.skillId ?? "",
      proficiency: each.proficiency ?? 1,
    })),
    preferredAgentId: preferredAgentId ?? "",
  } as Required<Changeable>;
}

/** Which fields differ. */
export function differing(one: Changeable, other: Changeable): Field[] {
  const [first, second] = [changeable(one), changeable(other)];
  return FIELDS.filter((field) => JSON.stringify(first[field]) !== JSON.stringify(second[field]));
}

/** Somebody else changed what was being changed; `contact` is how it stands now. */
export class Overtaken extends Error {
  constructor(readonly contact: Contact) {
    super("overtaken");
  }
}

/**
 * Changes these fields of a contact as it was seen. Its version also rises by what nobody did, such as an offer that was
 * missed: then it is changed all the same. Throws `Overtaken` when one of these very fields is another by now.
 */
export async function changeContact(
  seen: Contact,
  values: Changeable,
  fields: readonly Field[],
): Promise<Contact> {
  try {
    return await send(seen, values, fields);
  } catch (error) {
    if (asProblem(error).reason !== "VERSION_CONFLICT") throw error;
  }
  const path = { contactId: seen.contactId ?? "" };
  const now = await ask(api.GET("/v1/contacts/{contactId}", { params: { path } }));
  if (differing(seen, now).some((field) => fields.includes(field))) throw new Overtaken(now);
  return send(now, values, fields);
}

function send(seen: Contact, values: Changeable, fields: readonly Field[]): Promise<Contact> {
  const contactId = seen.contactId ?? "";
  const body = { contact: { contactId, ...values }, updateMask: fields.join(","), version: seen.version };
  return ask(
    api.PATCH("/v1/contacts/{contact.contactId}", {
      params: { path: { "contact.contactId": contactId } },
      body,
    }),
  );
}
