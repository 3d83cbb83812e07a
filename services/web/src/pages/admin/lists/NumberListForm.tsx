import { Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import type { NumberList } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { FormModal } from "../../../ui/FormModal.tsx";
import { TextField } from "../../../ui/fields.tsx";
import { keyOf } from "./keys.ts";

interface Props {
  /** One that is there, or an empty one to make. */
  list: NumberList;
  onClose: () => void;
  onSaved: () => Promise<unknown>;
}

/** A list's name, its key while it is made, and what it is for. */
export function NumberListForm({ list, onClose, onSaved }: Props) {
  const t = useText();
  const made = Boolean(list.numberListId);
  const [displayName, setDisplayName] = useState(list.displayName ?? "");
  const [key, setKey] = useState(list.key ?? "");
  const [description, setDescription] = useState(list.description ?? "");
  const [requestId] = useState(newRequestId);
  const save = async () => {
    if (made)
      await ask(
        api.PATCH("/v1/numberLists/{numberList.numberListId}", {
          params: { path: { "numberList.numberListId": list.numberListId ?? "" } },
          body: {
            numberList: { displayName, description },
            updateMask: "displayName,description",
            version: list.version,
          },
        }),
      );
    else
      await ask(
        api.POST("/v1/numberLists", { body: { requestId, numberList: { key, displayName, description } } }),
      );
    await onSaved();
  };
  return (
    <FormModal
      title={made ? t("numberLists.edit") : t("numberLists.add")}
      onClose={onClose}
      onSave={save}
      testId="number-list"
    >
      <TextField
        label={t("common.name")}
        required
        data-autofocus
        maxLength={100}
        value={displayName}
        onChange={(event) => {
          const name = event.currentTarget.value;
          if (!made && key === keyOf(displayName)) setKey(keyOf(name));
          setDisplayName(name);
        }}
        data-testid="number-list-name"
      />
      {!made && (
        <TextField
          label={t("numberLists.key")}
          description={t("numberLists.keyHint", { key: key || "vip" })}
          required
          dir="ltr"
          maxLength={40}
          spellCheck={false}
          autoCapitalize="off"
          value={key}
          onChange={(event) => setKey(event.currentTarget.value.toLowerCase())}
          data-testid="number-list-key"
        />
      )}
      <Textarea
        label={t("numberLists.description")}
        maxLength={500}
        autosize
        minRows={2}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
    </FormModal>
  );
}
