import { Button, Group, Select, Stack, Text, Textarea } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { optionsOf, useQueues } from "../../api/names.ts";
import type { Contact } from "../../api/types.ts";
import { endWrapUp, saveWrapUp, useDesktop } from "../../desktop/desktop.ts";
import { SHORTCUTS } from "../../desktop/ui/shortcuts.ts";
import { useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { Remaining, useServerNow } from "../../ui/Time.tsx";
import uiClasses from "../../ui/ui.module.css";
import classes from "./desktop.module.css";
import { WrapUpChoices } from "./extras.tsx";

export { ReturnNote } from "./extras.tsx";

const SAVE_AFTER_MS = 900;

/**
 * Disposition and note. Open during the call already; saved while it is typed, so that neither a closed tab nor the
 * server's timer loses a word.
 */
export function WrapUpForm({ contact, wrapping }: { contact: Contact; wrapping: boolean }) {
  const t = useText();
  const { dispositions } = useDesktop();
  const queue = useQueues().data?.find((entry) => entry.queueId === contact.queueId);
  const [disposition, setDisposition] = useState(contact.dispositionId ?? "");
  const [note, setNote] = useState(contact.note ?? "");
  const [busy, setBusy] = useState(false);
  const contactId = contact.contactId ?? "";
  const saved = useAutosave(contactId, disposition, note, busy);
  const allowed = queue?.dispositionIds ?? [];
  const offered = dispositions.filter(
    (entry) => allowed.length === 0 || allowed.includes(entry.dispositionId ?? ""),
  );
  const fixed = Date.parse(contact.wrapUpLeastTime ?? "") > useServerNow();
  const ready = wrapping && !fixed;
  const finish = async () => {
    setBusy(true);
    const ended = await endWrapUp(contactId, disposition, note);
    setBusy(false);
    if (ended) toast(t("desktop.wrapUp.finished"));
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.ctrlKey && event.key === "Enter" && ready && !busy) void finish();
  };
  return (
    <form
      onKeyDown={onKeyDown}
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) void finish();
      }}
    >
      <Stack gap="sm">
        <Group justify="space-between" wrap="nowrap">
          <h2 className={classes.sectionTitle} style={{ margin: 0 }}>
            {wrapping ? t("desktop.wrapUp.title") : t("desktop.wrapUp.notes")}
          </h2>
          {wrapping && contact.wrapUpExpireTime && (
            <Text size="sm" c="dimmed">
              {t("desktop.timer.wrapUp")} <Remaining until={contact.wrapUpExpireTime} />
            </Text>
          )}
        </Group>
        <WrapUpChoices contact={contact} fixed={fixed} />
        <Select
          label={t("desktop.disposition")}
          placeholder={offered.length === 0 ? t("desktop.disposition.none") : t("desktop.disposition.pick")}
          data={optionsOf(offered, "dispositionId")}
          value={disposition || null}
          onChange={(value) => setDisposition(value ?? "")}
          required={queue?.dispositionRequired}
          clearable
          data-testid="wrapup-disposition"
        />
        <Textarea
          label={t("desktop.note")}
          autosize
          minRows={3}
          maxRows={10}
          maxLength={4000}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
          data-testid="wrapup-note"
        />
        <Group justify="space-between">
          <Text size="sm" c="dimmed" data-testid="wrapup-saved">
            {saved ? t("common.saved") : ""}
          </Text>
          <Button type="submit" disabled={!ready} loading={busy} data-testid="wrapup-save">
            {t("desktop.wrapUp.finish")}
            <kbd className={uiClasses.kbd}>{SHORTCUTS.finish}</kbd>
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function useAutosave(contactId: string, disposition: string, note: string, busy: boolean): boolean {
  const [saved, setSaved] = useState(false);
  const written = useRef({ disposition, note });
  useEffect(() => {
    const clean = written.current.disposition === disposition && written.current.note === note;
    if (clean || busy || !contactId) return;
    setSaved(false);
    const timer = setTimeout(() => {
      void saveWrapUp(contactId, disposition, note).then((done) => {
        if (!done) return;
        written.current = { disposition, note };
        setSaved(true);
      });
    }, SAVE_AFTER_MS);
    return () => clearTimeout(timer);
  }, [contactId, disposition, note, busy]);
  return saved;
}
