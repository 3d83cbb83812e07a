import { useState } from "react";
import { useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField } from "../../ui/fields.tsx";
import { ListPage, type ListPageProps } from "../../ui/ListPage.tsx";
import { DateTime } from "../../ui/Time.tsx";

interface Named {
  displayName?: string;
  createTime?: string;
}

type Props<T> = Omit<ListPageProps<T>, "columns" | "nameOf" | "add" | "onEdit" | "remove"> & {
  /** Words of the button that adds one; false where none can be added. */
  addLabel: string | false;
  deleteBody: string;
  onAdd: (displayName: string) => Promise<unknown>;
  onDelete: (id: string) => Promise<unknown>;
};

/** Things that are nothing but a name, such as skills and dispositions: listed, added, deleted. */
export function NamedList<T extends Named>({ addLabel, deleteBody, onAdd, onDelete, ...list }: Props<T>) {
  const t = useText();
  const [name, setName] = useState<string>();
  return (
    <>
      <ListPage<T>
        {...list}
        nameOf={(row) => row.displayName}
        add={addLabel !== false && { label: addLabel, onClick: () => setName("") }}
        remove={{ run: onDelete, body: deleteBody }}
        columns={[
          { head: t("common.name"), cell: (row) => <bdi>{row.displayName}</bdi> },
          { head: t("admin.added"), cell: (row) => <DateTime value={row.createTime} /> },
        ]}
      />
      {addLabel && name !== undefined && (
        <FormModal
          title={addLabel}
          onClose={() => setName(undefined)}
          onSave={() => onAdd(name)}
          testId={list.noun}
        >
          <TextField
            label={t("common.name")}
            required
            data-autofocus
            maxLength={120}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            data-testid={`${list.noun}-name`}
          />
        </FormModal>
      )}
    </>
  );
}
