import { Button } from "@mantine/core";
import { type ReactNode, Suspense, useState } from "react";
import type { Contact } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { lazyPage } from "../../../ui/lazyPage.ts";

const WhyDialog = lazyPage(() => import("./WhyDialog.tsx"));

/** The dialog of a list and what opens it: the dialog stays when its row goes, as when the call is answered. */
export function useWhy(): { ask: (contact: Contact) => void; dialog: ReactNode } {
  const [asked, setAsked] = useState<Contact>();
  const dialog = asked && (
    <Suspense>
      <WhyDialog contact={asked} onClose={() => setAsked(undefined)} />
    </Suspense>
  );
  return { ask: setAsked, dialog };
}

/** Opens why somebody waits, or how an agent was found for them. */
export function WhyButton({ contact, onAsk }: { contact: Contact; onAsk: (contact: Contact) => void }) {
  const t = useText();
  const caller = contact.callerName || contact.callerNumber || t("common.anonymous");
  return (
    <Button
      size="compact-sm"
      variant="default"
      aria-label={`${t("why.open")} ${caller}`}
      onClick={() => onAsk(contact)}
      data-testid={`why-${contact.contactId}`}
    >
      {t("why.open")}
    </Button>
  );
}
