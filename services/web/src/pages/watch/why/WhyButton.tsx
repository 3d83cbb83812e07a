import { Button } from "@mantine/core";
import { Suspense, useState } from "react";
import type { Contact } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { isolated } from "../../../rules/words.ts";
import { lazyPage } from "../../../ui/lazyPage.ts";
import { waits } from "./waiting.ts";

const WhyDialog = lazyPage(() => import("./WhyDialog.tsx"));

/** Opens why somebody waits, or how an agent was found for them. */
export function WhyButton({ contact }: { contact: Contact }) {
  const t = useText();
  const [asked, setAsked] = useState<Contact>();
  const caller = isolated(contact.callerName || contact.callerNumber || t("common.anonymous"));
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        aria-label={waits(contact) ? t("why.openOf", { caller }) : t("why.decisionsOf", { caller })}
        onClick={() => setAsked(contact)}
        data-testid={`why-${contact.contactId}`}
      >
        {t("why.open")}
      </Button>
      {asked && (
        <Suspense>
          <WhyDialog contact={asked} onClose={() => setAsked(undefined)} />
        </Suspense>
      )}
    </>
  );
}
