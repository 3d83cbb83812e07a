import { Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { NumberListEntry } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";

interface Props {
  numberListId: string;
  entry: NumberListEntry;
  onClose: () => void;
  onSaved: () => Promise<unknown>;
}

/** Who a number is, and what there is to say about them. */
export function EntryForm({ numberListId, entry, onClose, onSaved }: Props) {
  const t = useText();
  const [label, setLabel] = useState(entry.label ?? "");
  const [notes, setNotes] = useState(entry.notes ?? "");
  const save = async () => {
    await ask(
      api.PATCH("/v1/numberLists/{numberListId}/entries", {
        params: { path: { numberListId } },
        // An entry is one line of a file.
        body: { entry: { pattern: entry.pattern, label, notes: notes.replace(/\s*[\r\n]+\s*/g, " ") } },
      }),
    );
    await onSaved();
  };
  return (
    <FormModal
      title={`${t("numberLists.entryEdit")}: \u2066${entry.pattern ?? ""}\u2069`}
      onClose={onClose}
      onSave={save}
      testId="entry"
    >
      <TextField
        label={t("numberLists.label")}
        data-autofocus
        maxLength={100}
        value={label}
        onChange={(event) => setLabel(event.currentTarget.value)}
        data-testid="entry-label"
      />
      <Textarea
        label={t("numberLists.notes")}
        maxLength={500}
        autosize
        minRows={2}
        value={notes}
        onChange={(event) => setNotes(event.currentTarget.value)}
      />
    </FormModal>
  );
}
