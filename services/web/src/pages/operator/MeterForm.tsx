import { Checkbox, SimpleGrid } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { fieldProblem } from "../../api/problem.ts";
import type { Meter } from "../../api/types.ts";
import { LANGUAGE_NAMES, LANGUAGES, useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { HINT_BELOW, SelectField, TextField } from "../../ui/fields.tsx";

interface Props {
  /** Without a version it is a new one. */
  meter: Meter;
  onClose: () => void;
  onDone: () => Promise<void>;
}

const HOW = [
  "AGGREGATION_SUM",
  "AGGREGATION_COUNT",
  "AGGREGATION_MAX",
  "AGGREGATION_UNIQUE_COUNT",
  "AGGREGATION_LATEST",
  "AGGREGATION_WEIGHTED_SUM",
] as const;

/** A new meter, or the names of one and whether it still takes usage: what it counts never changes. */
export function MeterForm({ meter, onClose, onDone }: Props) {
  const t = useText();
  const isNew = !meter.version;
  const [requestId] = useState(newRequestId);
  const [value, setValue] = useState<Meter>({ aggregation: "AGGREGATION_SUM", ...meter });
  const [groups, setGroups] = useState((meter.groupBy ?? []).join(", "));
  const change = (part: Partial<Meter>) => setValue((before) => ({ ...before, ...part }));
  const unique = value.aggregation === "AGGREGATION_UNIQUE_COUNT";
  const id = value.meter ?? "";
  const save = async () => {
    const groupBy = groups.split(",").flatMap((each) => each.trim() || []);
    const uniqueProperty = unique ? (value.uniqueProperty ?? "") : "";
    await (isNew
      ? ask(
          api.POST("/v1/operator/meters", {
            body: { requestId, meter: { ...value, groupBy, uniqueProperty } },
          }),
        )
      : ask(
          api.PATCH("/v1/operator/meters/{meter}", {
            params: { path: { meter: id } },
            body: {
              names: value.names ?? {},
              archived: value.archived ?? false,
              version: value.version ?? "",
            },
          }),
        ));
    await onDone();
    toast(t("meters.saved", { name: id }));
  };
  return (
    <FormModal title={isNew ? t("meters.add") : id} onClose={onClose} onSave={save} testId="meter">
      {(problem) => (
        <>
          {isNew && (
            <>
              <SimpleGrid cols={{ base: 1, sm: 2 }}>
                <TextField
                  label={t("meters.id")}
                  description={t("meters.idHint")}
                  inputWrapperOrder={HINT_BELOW}
                  required
                  maxLength={63}
                  data-autofocus
                  value={id}
                  error={fieldProblem(problem, "meter.meter")}
                  onChange={(event) => change({ meter: event.currentTarget.value })}
                  data-testid="meter-id"
                />
                <TextField
                  label={t("meters.unit")}
                  description={t("meters.unitHint")}
                  inputWrapperOrder={HINT_BELOW}
                  required
                  maxLength={32}
                  value={value.unit ?? ""}
                  error={fieldProblem(problem, "meter.unit")}
                  onChange={(event) => change({ unit: event.currentTarget.value })}
                  data-testid="meter-unit"
                />
              </SimpleGrid>
              <SelectField
                label={t("meters.aggregation")}
                data={HOW.map((each) => ({ value: each, label: t(`meters.aggregation.${each}`) }))}
                value={value.aggregation ?? null}
                allowDeselect={false}
                onChange={(next) =>
                  change({ aggregation: (next ?? "AGGREGATION_SUM") as (typeof HOW)[number] })
                }
                data-testid="meter-aggregation"
              />
              {unique && (
                <TextField
                  label={t("meters.unique")}
                  required
                  maxLength={63}
                  value={value.uniqueProperty ?? ""}
                  error={fieldProblem(problem, "meter.uniqueProperty")}
                  onChange={(event) => change({ uniqueProperty: event.currentTarget.value })}
                  data-testid="meter-unique"
                />
              )}
              <TextField
                label={t("meters.groupBy")}
                description={t("meters.groupByHint")}
                inputWrapperOrder={HINT_BELOW}
                value={groups}
                error={fieldProblem(problem, "meter.groupBy")}
                onChange={(event) => setGroups(event.currentTarget.value)}
                data-testid="meter-groups"
              />
              <Checkbox
                label={t("meters.recurring")}
                checked={value.recurring ?? false}
                onChange={(event) => change({ recurring: event.currentTarget.checked })}
              />
            </>
          )}
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            {LANGUAGES.map((each) => (
              <TextField
                key={each}
                label={`${t("common.name")} (${LANGUAGE_NAMES[each]})`}
                maxLength={100}
                value={value.names?.[each] ?? ""}
                onChange={(event) => change({ names: { ...value.names, [each]: event.currentTarget.value } })}
                data-testid={`meter-name-${each}`}
              />
            ))}
          </SimpleGrid>
          {!isNew && (
            <Checkbox
              label={t("meters.archive")}
              checked={value.archived ?? false}
              onChange={(event) => change({ archived: event.currentTarget.checked })}
              data-testid="meter-archive"
            />
          )}
        </>
      )}
    </FormModal>
  );
}
