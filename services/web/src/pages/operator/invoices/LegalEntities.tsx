import { Button, Checkbox, Textarea } from "@mantine/core";
import { IconBuildingBank, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { fieldProblem } from "../../../api/problem.ts";
import type { LegalEntity } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { toast } from "../../../ui/announce.tsx";
import { DataTable } from "../../../ui/DataTable.tsx";
import { EmptyState } from "../../../ui/EmptyState.tsx";
import { FormModal } from "../../../ui/FormModal.tsx";
import { HINT_BELOW, TextField } from "../../../ui/fields.tsx";
import { useRefresh } from "../../../ui/ListPage.tsx";
import { Loading } from "../../../ui/LoadMore.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { PageHeader, Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { RowActions } from "../../../ui/RowActions.tsx";
import { AddressFields } from "../../admin/billing/AddressFields.tsx";
import classes from "../../admin/billing/billing.module.css";

/** The companies in whose name invoices are sent. */
export function LegalEntities() {
  const t = useText();
  const language = useLanguage();
  const [editing, setEditing] = useState<LegalEntity>();
  const { data, error, refetch } = useQuery({
    queryKey: ["legalEntities"],
    queryFn: async () => (await ask(api.GET("/v1/operator/legalEntities"))).legalEntities ?? [],
  });
  const add = (
    <Button
      leftSection={<IconPlus size={17} aria-hidden />}
      onClick={() => setEditing({ default: data?.length === 0 })}
      data-testid="entity-add"
    >
      {t("operator.entityAdd")}
    </Button>
  );
  const next = (value: string | undefined) => formatNumber(value ?? "1", language);
  return (
    <>
      <PageHeader title={t("operator.entities")} subtitle={t("operator.entitiesLead")} actions={add} />
      {error && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {!data && !error && <Loading />}
      {data?.length === 0 && (
        <Panel>
          <EmptyState icon={IconBuildingBank} title={t("operator.noEntities")}>
            {t("operator.noEntitiesBody")}
          </EmptyState>
        </Panel>
      )}
      {data && data.length > 0 && (
        <Panel flush>
          <DataTable
            label={t("operator.entities")}
            rows={data}
            keyOf={(row) => row.legalEntityId ?? ""}
            testId={(row) => `entity-${row.legalEntityId}`}
            columns={[
              {
                head: t("operator.entityName"),
                cell: (row) => (
                  <>
                    <bdi>{row.name}</bdi> {row.default && <Tag tone="info">{t("operator.isDefault")}</Tag>}
                  </>
                ),
              },
              { head: t("profile.taxId"), cell: (row) => <bdi>{row.taxId || "–"}</bdi> },
              {
                head: t("operator.numberPrefix"),
                cell: (row) => (
                  <span className="m-ltr">
                    {row.numberPrefix} · {row.creditNotePrefix}
                  </span>
                ),
              },
              {
                head: t("operator.nextNumber"),
                cell: (row) => <span className="m-figures">{next(row.nextNumber)}</span>,
              },
              {
                head: t("common.actions"),
                quiet: true,
                cell: (row) => (
                  <RowActions
                    name={row.name ?? ""}
                    testId={`entity-${row.legalEntityId}`}
                    onEdit={() => setEditing(row)}
                  />
                ),
              },
            ]}
          />
        </Panel>
      )}
      {editing && <EntityForm entity={editing} onClose={() => setEditing(undefined)} />}
    </>
  );
}

const TEXTS = [
  ["name", "operator.entityName", 200],
  ["taxId", "profile.taxId", 40],
  ["registrationId", "operator.registration", 40],
  ["email", "profile.email", 254],
] as const;

function EntityForm({ entity, onClose }: { entity: LegalEntity; onClose: () => void }) {
  const t = useText();
  const refresh = useRefresh("legalEntities", "audit");
  const [values, setValues] = useState(entity);
  const [requestId] = useState(newRequestId);
  const change = (changed: Partial<LegalEntity>) => setValues({ ...values, ...changed });
  const known = entity.legalEntityId;
  const save = async () => {
    const { name, address, taxId, registrationId, email, numberPrefix, creditNotePrefix } = values;
    const texts = { name, address, taxId, registrationId, email, numberPrefix, creditNotePrefix };
    const legalEntity = {
      ...texts,
      paymentInstructions: values.paymentInstructions,
      default: values.default,
      ...(known ? {} : { nextNumber: values.nextNumber }),
    };
    if (known) {
      const params = { path: { legalEntityId: known } };
      const body = { legalEntity, version: entity.version };
      await ask(api.PATCH("/v1/operator/legalEntities/{legalEntityId}", { params, body }));
    } else await ask(api.POST("/v1/operator/legalEntities", { body: { requestId, legalEntity } }));
    toast(t("common.saved"));
    await refresh();
  };
  return (
    <FormModal
      title={known ? (entity.name ?? "") : t("operator.entityAdd")}
      onClose={onClose}
      onSave={save}
      size="lg"
      testId="entity"
    >
      {(problem) => (
        <>
          <div className={classes.fields}>
            {TEXTS.map(([field, label, longest]) => (
              <TextField
                key={field}
                label={t(label)}
                required={field === "name"}
                type={field === "email" ? "email" : "text"}
                maxLength={longest}
                value={values[field] ?? ""}
                error={fieldProblem(problem, field)}
                onChange={(event) => change({ [field]: event.currentTarget.value })}
                data-testid={`entity-${field}`}
              />
            ))}
          </div>
          <AddressFields value={values.address ?? {}} onChange={(address) => change({ address })} issuers />
          <div className={classes.fields}>
            {(["numberPrefix", "creditNotePrefix"] as const).map((field) => (
              <TextField
                key={field}
                label={t(field === "numberPrefix" ? "operator.numberPrefix" : "operator.creditPrefix")}
                description={t("operator.prefixHint")}
                inputWrapperOrder={HINT_BELOW}
                required
                maxLength={16}
                value={values[field] ?? ""}
                error={fieldProblem(problem, field)}
                onChange={(event) => change({ [field]: event.currentTarget.value.toUpperCase() })}
                data-testid={`entity-${field}`}
              />
            ))}
            {!known && (
              <TextField
                label={t("operator.nextNumber")}
                inputMode="numeric"
                value={values.nextNumber ?? "1"}
                error={fieldProblem(problem, "nextNumber")}
                onChange={(event) => change({ nextNumber: event.currentTarget.value })}
                data-testid="entity-nextNumber"
              />
            )}
          </div>
          <Textarea
            label={t("operator.paymentInstructions")}
            autosize
            minRows={2}
            maxLength={1000}
            value={values.paymentInstructions ?? ""}
            onChange={(event) => change({ paymentInstructions: event.currentTarget.value })}
            data-testid="entity-instructions"
          />
          <Checkbox
            label={t("operator.defaultEntity")}
            checked={values.default ?? false}
            disabled={entity.default}
            onChange={(event) => change({ default: event.currentTarget.checked })}
          />
        </>
      )}
    </FormModal>
  );
}
