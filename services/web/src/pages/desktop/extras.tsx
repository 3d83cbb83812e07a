/** What only some queues need of the desktop: fetched when it is first shown. */
import { Button, Checkbox, Group, Text } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { Contact } from "../../api/types.ts";
import { carryOut, desktop } from "../../desktop/desktop.ts";
import { durationSeconds, formatClock } from "../../format/durations.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { useServerNow } from "../../ui/Time.tsx";

/** What the queue leaves to the agent about wrap-up: whether there is one, and a little more time. */
export function WrapUpChoices({ contact, fixed }: { contact: Contact; fixed: boolean }) {
  const t = useText();
  const language = useLanguage();
  const [busy, setBusy] = useState(false);
  const [wanted, setWanted] = useState(contact.wrapUpWanted ?? false);
  const params = { path: { contactId: contact.contactId ?? "" } };
  const more = durationSeconds(contact.wrapUpExtension);
  const wrapping = contact.state === "CONTACT_STATE_WRAP_UP";
  const send = async (command: Promise<Contact>) => {
    setBusy(true);
    const changed = await carryOut(command);
    setBusy(false);
    if (!changed) return setWanted(contact.wrapUpWanted ?? false);
    desktop.set((now) => (now.contact?.contactId === changed.contactId ? { ...now, contact: changed } : now));
  };
  const want = (next: boolean) => {
    setWanted(next);
    void send(ask(api.POST("/v1/contacts/{contactId}:requestWrapUp", { params, body: { wanted: next } })));
  };
  return (
    <>
      {!wrapping && contact.wrapUpMode === "WRAP_UP_MODE_OPTIONAL" && (
        <Checkbox
          label={t("wrapUp.want")}
          checked={wanted}
          onChange={(event) => want(event.currentTarget.checked)}
          data-testid="wrapup-want"
        />
      )}
      {wrapping && (fixed || more > 0) && (
        <Group justify="space-between">
          <Text size="sm" c="dimmed" data-testid="wrapup-fixed">
            {fixed ? t("wrapUp.fixed") : ""}
          </Text>
          {more > 0 && (
            <Button
              variant="default"
              size="compact-sm"
              loading={busy}
              onClick={() =>
                void send(ask(api.POST("/v1/contacts/{contactId}:extendWrapUp", { params, body: {} })))
              }
              data-testid="wrapup-extend"
            >
              {t("wrapUp.extend", { seconds: formatNumber(more, language) })}
            </Button>
          )}
        </Group>
      )}
    </>
  );
}

/** After a missed offer: when the agent is available again without doing anything. */
export function ReturnNote({ until }: { until: string }) {
  const t = useText();
  const language = useLanguage();
  const left = Math.ceil((Date.parse(until) - useServerNow(250)) / 1000);
  return (
    <p className="m-figures" data-testid="missed-return">
      {t("presence.back", { time: formatClock(left, language) })}
    </p>
  );
}
