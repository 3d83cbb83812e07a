import { ColorInput, SimpleGrid, Switch } from "@mantine/core";
import { IconCoffee } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { fieldProblem } from "../../api/problem.ts";
import type { NotReadyReason } from "../../api/types.ts";
import { nameOfReason } from "../../desktop/reasons.ts";
import { StateDot } from "../../desktop/ui/StateDot.tsx";
import { LANGUAGE_NAMES, LANGUAGES, useText } from "../../i18n/index.ts";
import { directionOf } from "../../i18n/languages.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { TextField } from "../../ui/fields.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { Tag } from "../../ui/Note.tsx";
import { DateTime } from "../../ui/Time.tsx";

const MASK = "displayName,names,color,paid,archived";
const MAX_NAME = 64;
const NEW: NotReadyReason = { displayName: "", paid: true };

/** Why agents may be away: the company's own words, archived when no longer used. */
export function ReasonsTab() {
  const t = useText();
  const [editing, setEditing] = useState<NotReadyReason>();
  return (
    <>
      <ListPage<NotReadyReason>
        noun="reason"
        title={t("presence.reasons")}
        lead={t("presence.reasons.lead")}
        queryKey={["reasonList"]}
        icon={IconCoffee}
        emptyTitle={t("presence.reasons.none")}
        emptyBody={t("presence.reasons.noneBody")}
        read={async () => {
          const params = { query: { includeArchived: true } };
          const answer = await ask(api.GET("/v1/notReadyReasons", { params }));
          return { rows: answer.notReadyReasons ?? [], next: "" };
        }}
        idOf={(row) => row.notReadyReasonId}
        nameOf={nameOfReason}
        add={{ label: t("presence.reasons.add"), onClick: () => setEditing(NEW) }}
        onEdit={setEditing}
        columns={[
          {
            head: t("common.name"),
            cell: (row) => (
              <span style={{ display: "inline-flex", alignItems: "center", gap: 8 }}>
                <StateDot state="NOT_READY" color={row.color} />
                <bdi>{nameOfReason(row)}</bdi>
                {row.archived && <Tag tone="neutral">{t("presence.reasons.archived")}</Tag>}
              </span>
            ),
          },
          {
            head: t("presence.reasons.paid"),
            cell: (row) => t(row.paid ? "presence.reasons.isPaid" : "presence.reasons.unpaid"),
          },
          { head: t("admin.added"), cell: (row) => <DateTime value={row.createTime} /> },
        ]}
      />
      {editing && <ReasonForm reason={editing} onClose={() => setEditing(undefined)} />}
    </>
  );
}

function ReasonForm({ reason: first, onClose }: { reason: NotReadyReason; onClose: () => void }) {
  const t = useText();
  const refresh = useRefresh("reasonList", "reasons");
  const [reason, setReason] = useState(first);
  const change = (part: Partial<NotReadyReason>) => setReason((before) => ({ ...before, ...part }));
  const save = async () => {
    const { notReadyReasonId: id, version } = reason;
    const named = Object.entries(reason.names ?? {}).filter(([, name]) => name.trim());
    const notReadyReason = { ...reason, names: Object.fromEntries(named) };
    if (id) {
      const params = { path: { "notReadyReason.notReadyReasonId": id } };
      const body = { notReadyReason, updateMask: MASK, version };
      await ask(api.PATCH("/v1/notReadyReasons/{notReadyReason.notReadyReasonId}", { params, body }));
    } else {
      await ask(api.POST("/v1/notReadyReasons", { body: { requestId: newRequestId(), notReadyReason } }));
    }
    await refresh();
  };
  return (
    <FormModal
      title={t(reason.notReadyReasonId ? "presence.reasons.edit" : "presence.reasons.add")}
      onClose={onClose}
      onSave={save}
      testId="reason"
    >
      {(problem) => (
        <>
          <TextField
            label={t("common.name")}
            required
            data-autofocus
            maxLength={MAX_NAME}
            value={reason.displayName ?? ""}
            error={fieldProblem(problem, "displayName")}
            onChange={(event) => change({ displayName: event.currentTarget.value })}
            data-testid="reason-name"
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            {LANGUAGES.map((each) => (
              <TextField
                key={each}
                label={t("presence.reasons.nameIn", { language: LANGUAGE_NAMES[each] })}
                placeholder={reason.displayName}
                dir={directionOf(each)}
                maxLength={MAX_NAME}
                value={reason.names?.[each] ?? ""}
                onChange={(event) =>
                  change({ names: { ...reason.names, [each]: event.currentTarget.value } })
                }
                data-testid={`reason-name-${each}`}
              />
            ))}
          </SimpleGrid>
          <ColorInput
            label={t("presence.reasons.color")}
            placeholder={t("presence.reasons.colorHint")}
            format="hex"
            withEyeDropper={false}
            value={reason.color ?? ""}
            error={fieldProblem(problem, "color")}
            onChange={(color) => change({ color })}
          />
          <Switch
            label={t("presence.reasons.paid")}
            checked={reason.paid ?? false}
            onChange={(event) => change({ paid: event.currentTarget.checked })}
            data-testid="reason-paid"
          />
          {reason.notReadyReasonId && (
            <Switch
              label={t("presence.reasons.archivedLabel")}
              checked={reason.archived ?? false}
              onChange={(event) => change({ archived: event.currentTarget.checked })}
              data-testid="reason-archived"
            />
          )}
        </>
      )}
    </FormModal>
  );
}
