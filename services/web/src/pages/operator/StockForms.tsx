import { Button, Modal, MultiSelect, Switch, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { fieldProblem } from "../../api/problem.ts";
import type { InventoryNumber, NumberCapability, NumberType } from "../../api/types.ts";
import { textOr, useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { HINT_BELOW, SelectField, TextField } from "../../ui/fields.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { capabilityOptions, typeOptions } from "../admin/numbers/kinds.ts";

interface Props {
  number: InventoryNumber;
  onClose: () => void;
  onDone: () => Promise<unknown>;
}

/** What is said of a number: its kind, what it carries, what it costs by. */
export function StockForm({ number, onClose, onDone }: Props) {
  const t = useText();
  const [said, setSaid] = useState(number);
  const set = (news: Partial<InventoryNumber>) => setSaid({ ...said, ...news });
  const save = async () => {
    const { type, capabilities, emergencyCapable, carrier, priceClass } = said;
    const body = {
      number: { number: number.number, type, capabilities, emergencyCapable, carrier, priceClass },
      updateMask: "type,capabilities,emergencyCapable,carrier,priceClass",
      version: number.version,
    };
    const params = { path: { "number.number": number.number ?? "" } };
    await ask(api.PATCH("/v1/operator/inventory/{number.number}", { params, body }));
    await onDone();
  };
  return (
    <FormModal
      title={`${t("inventory.edit")}: \u2066${number.number}\u2069`}
      onClose={onClose}
      onSave={save}
      testId="stock"
    >
      {(problem) => (
        <>
          <SelectField
            label={t("numberSearch.type")}
            required
            allowDeselect={false}
            data={typeOptions()}
            value={said.type ?? null}
            onChange={(type) => set({ type: (type ?? undefined) as NumberType | undefined })}
          />
          <MultiSelect
            label={t("numberSearch.carries")}
            data={capabilityOptions()}
            value={said.capabilities ?? []}
            onChange={(next) => set({ capabilities: next as NumberCapability[] })}
          />
          <Switch
            label={t("inventory.emergency")}
            checked={said.emergencyCapable ?? false}
            onChange={(event) => set({ emergencyCapable: event.currentTarget.checked })}
          />
          <TextField
            label={t("inventory.carrier")}
            maxLength={100}
            value={said.carrier ?? ""}
            onChange={(event) => set({ carrier: event.currentTarget.value })}
          />
          <TextField
            label={t("inventory.priceClass")}
            description={t("inventory.priceClassHint")}
            inputWrapperOrder={HINT_BELOW}
            required
            maxLength={40}
            dir="ltr"
            value={said.priceClass ?? ""}
            error={fieldProblem(problem, "priceClass")}
            onChange={(event) => set({ priceClass: event.currentTarget.value })}
          />
        </>
      )}
    </FormModal>
  );
}

/** Until when a number rests; a day that has passed ends it now. */
export function QuarantineForm({ number, onClose, onDone }: Props) {
  const t = useText();
  const [day, setDay] = useState((number.keptUntilTime ?? "").slice(0, 10));
  const [reason, setReason] = useState("");
  const save = async () => {
    const body = { untilTime: `${day}T00:00:00Z`, reason };
    const params = { path: { number: number.number ?? "" } };
    await ask(api.POST("/v1/operator/inventory/{number}:setQuarantine", { params, body }));
    await onDone();
  };
  return (
    <FormModal
      title={`${t("inventory.quarantine")}: \u2066${number.number}\u2069`}
      onClose={onClose}
      onSave={save}
      testId="quarantine"
    >
      {(problem) => (
        <>
          <Text>{t("inventory.quarantineBody")}</Text>
          <TextField
            type="date"
            label={t("inventory.restsUntil")}
            required
            value={day}
            error={fieldProblem(problem, "untilTime")}
            onChange={(event) => setDay(event.currentTarget.value)}
            data-testid="quarantine-day"
          />
          <Textarea
            label={t("operator.reason")}
            required
            maxLength={500}
            value={reason}
            error={fieldProblem(problem, "reason")}
            onChange={(event) => setReason(event.currentTarget.value)}
            data-testid="quarantine-reason"
          />
        </>
      )}
    </FormModal>
  );
}

/** Who had a number, and when. */
export function NumberHistory({ number, onClose }: { number: string; onClose: () => void }) {
  const t = useText();
  const { query, rows } = usePages(["numberHistory", number], async (pageToken) => {
    const params = { path: { number }, query: { pageToken } };
    const answer = await ask(api.GET("/v1/operator/inventory/{number}/history", { params }));
    return { rows: answer.entries ?? [], next: answer.nextPageToken ?? "" };
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={`${t("inventory.history")}: \u2066${number}\u2069`}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="stock-history"
    >
      <PagedPanel query={query} rows={rows} empty={<Text p="md">{t("inventory.noHistory")}</Text>}>
        {(shown) => (
          <ol style={{ listStyle: "none", margin: 0, padding: "4px 16px" }}>
            {shown.map((entry) => (
              <li key={`${entry.eventTime} ${entry.event}`} style={{ padding: "8px 0" }}>
                <strong>{textOr("numberEvent", entry.event ?? "")}</strong>
                {entry.tenantName && (
                  <>
                    {" · "}
                    <bdi>{entry.tenantName}</bdi>
                  </>
                )}
                <div style={{ fontSize: "0.85rem", color: "var(--m-muted)" }}>
                  <DateTime value={entry.eventTime} />
                  {entry.note && (
                    <>
                      {" · "}
                      <bdi>{entry.note}</bdi>
                    </>
                  )}
                </div>
              </li>
            ))}
          </ol>
        )}
      </PagedPanel>
      <Button mt="md" variant="default" onClick={onClose}>
        {t("common.close")}
      </Button>
    </Modal>
  );
}
