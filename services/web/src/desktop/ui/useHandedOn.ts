/** Which colleague a contact comes from, and how, in words: who asks, or who hands the customer on. */
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client.ts";
import { useColleagues } from "../../api/names.ts";
import type { Contact } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";

export function useHandedOn(contact: Contact | undefined): string | undefined {
  const t = useText();
  const consult = contact?.kind === "CONTACT_KIND_CONSULT";
  const previousId = (contact?.kind === "CONTACT_KIND_TRANSFER" && contact.previousContactId) || "";
  const previous = useQuery({
    queryKey: ["contact", previousId],
    queryFn: (): Promise<Contact> =>
      ask(api.GET("/v1/contacts/{contactId}", { params: { path: { contactId: previousId } } })),
    enabled: previousId !== "",
  }).data;
  const colleagues = useColleagues(consult || previousId !== "").data;
  const agentId = consult ? contact.consultingAgentId : previous?.agentId;
  const name = colleagues?.find((each) => each.agentId === agentId)?.displayName ?? t("role.ROLE_AGENT");
  if (contact?.kind === "CONTACT_KIND_CALLBACK") return t("nav.callback");
  if (consult) return t("desktop.asks", { name });
  return previous?.agentId ? t("desktop.handedOn", { name }) : undefined;
}
