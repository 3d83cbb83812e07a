import { useQuery } from "@tanstack/react-query";
import { Suspense } from "react";
import { api, ask } from "../../../api/client.ts";
import type { Contact } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { lazyPage } from "../../../ui/lazyPage.ts";
import { Panel } from "../../../ui/Page.tsx";
import classes from "../watch.module.css";
import { Found, useHowFound } from "./Decisions.tsx";
import { leftUnanswered } from "./waiting.ts";

const LeftPanel = lazyPage(() => import("./WhyDialog.tsx").then((page) => ({ default: page.LeftPanel })));

/** How agents were found, on a call's page, and how a contact stood that left unanswered; nothing where nobody was
 * looked for. */
export default function DecisionsPanel({ contactId, known }: { contactId: string; known?: Contact }) {
  const t = useText();
  const { data = [] } = useHowFound(contactId);
  const read = useQuery({
    queryKey: ["contact", contactId],
    queryFn: (): Promise<Contact> =>
      ask(api.GET("/v1/contacts/{contactId}", { params: { path: { contactId } } })),
    retry: false,
    enabled: !known,
  });
  const contact = known ?? read.data;
  return (
    <>
      {contact !== undefined && leftUnanswered(contact) && (
        <Suspense>
          <LeftPanel contactId={contactId} />
        </Suspense>
      )}
      {data.length > 0 && (
        <Panel label={t("why.decisions")} testId="decisions">
          <h2 className={classes.title}>{t("why.decisions")}</h2>
          {data.map((decision) => (
            <Found key={decision.offerId} decision={decision} />
          ))}
        </Panel>
      )}
    </>
  );
}
