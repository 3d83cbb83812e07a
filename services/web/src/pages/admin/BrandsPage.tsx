import { Anchor, NumberInput, Select } from "@mantine/core";
import { IconBuildingStore } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { mayBeShown, useNumbers } from "../../api/names.ts";
import { fieldProblem } from "../../api/problem.ts";
import type { Brand } from "../../api/types.ts";
import { isLanguage, LANGUAGE_NAMES, useLanguage, useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { LanguageSelect, numberOption, ownTimeZone, TextField, TimeZoneSelect } from "../../ui/fields.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { CallRulesFields } from "./CallRulesFields.tsx";
import { EmbedCode } from "./EmbedCode.tsx";

export default function BrandsPage() {
  const t = useText();
  const refresh = useRefresh("brands", "brandList");
  const [editing, setEditing] = useState<Brand>();
  const [embedding, setEmbedding] = useState<Brand>();
  const remove = async (brandId: string) => {
    await ask(api.DELETE("/v1/brands/{brandId}", { params: { path: { brandId } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<Brand>
        noun="brand"
        title={t("nav.brands")}
        lead={t("admin.brands.lead")}
        queryKey={["brandList"]}
        icon={IconBuildingStore}
        emptyTitle={t("admin.brands.none")}
        emptyBody={t("admin.brands.noneBody")}
        add={{ label: t("admin.brands.add"), onClick: () => setEditing({}) }}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/brands", { params: { query: { pageToken } } }));
          return { rows: answer.brands ?? [], next: answer.nextPageToken ?? "" };
        }}
        idOf={(row) => row.brandId}
        nameOf={(row) => row.displayName}
        onEdit={setEditing}
        remove={{ run: remove, body: t("admin.brands.deleteBody") }}
        columns={[
          { head: t("common.name"), cell: (row) => <bdi>{row.displayName}</bdi> },
          {
            head: t("common.language"),
            cell: (row) => (isLanguage(row.language) ? LANGUAGE_NAMES[row.language] : row.language),
          },
          {
            head: t("admin.brands.number"),
            cell: (row) => <span className="m-ltr m-figures">{row.widgetNumber || "–"}</span>,
          },
          {
            head: t("admin.brands.pages"),
            cell: (row) => (
              <>
                <Anchor href={`/brand/${row.widgetKey}`} target="_blank" rel="noreferrer">
                  {t("admin.brands.testPage")}
                </Anchor>
                {" · "}
                <Anchor component="button" type="button" onClick={() => setEmbedding(row)}>
                  {t("admin.brands.embed")}
                </Anchor>
              </>
            ),
          },
        ]}
      />
      {editing && <BrandForm brand={editing} onClose={() => setEditing(undefined)} onSaved={refresh} />}
      {embedding && <EmbedCode brand={embedding} onClose={() => setEmbedding(undefined)} />}
    </>
  );
}

function BrandForm(props: { brand: Brand; onClose: () => void; onSaved: () => Promise<void> }) {
  const t = useText();
  const [brand, setBrand] = useState<Brand>({
    language: "en",
    timeZone: ownTimeZone(),
    serviceLevelThresholdSeconds: 20,
    ...props.brand,
  });
  const change = (part: Partial<Brand>) => setBrand((before) => ({ ...before, ...part }));
  const { brandId, displayName, language, timeZone, serviceLevelThresholdSeconds, callerNumber, version } =
    brand;
  const spoken = useLanguage();
  const numbers = useNumbers(Boolean(brandId)).data ?? [];
  const save = async () => {
    const values = {
      displayName: displayName ?? "",
      language: language ?? "en",
      timeZone,
      serviceLevelThresholdSeconds,
      callRules: brand.callRules ?? {},
    };
    if (brandId) {
      const updateMask = "displayName,language,timeZone,serviceLevelThresholdSeconds,callRules,callerNumber";
      const body = { brand: { brandId, ...values, callerNumber: callerNumber ?? "" }, updateMask, version };
      await ask(
        api.PATCH("/v1/brands/{brand.brandId}", { params: { path: { "brand.brandId": brandId } }, body }),
      );
    } else await ask(api.POST("/v1/brands", { body: { requestId: newRequestId(), brand: values } }));
    await props.onSaved();
  };
  return (
    <FormModal
      title={brandId ? t("admin.brands.edit") : t("admin.brands.add")}
      onClose={props.onClose}
      onSave={save}
      testId="brand"
    >
      {(problem) => (
        <>
          <TextField
            label={t("setUp.brand.name")}
            required
            maxLength={120}
            data-autofocus
            error={fieldProblem(problem, "displayName")}
            value={displayName ?? ""}
            onChange={(event) => change({ displayName: event.currentTarget.value })}
            data-testid="brand-name"
          />
          <LanguageSelect
            label={t("setUp.brand.language")}
            value={language ?? ""}
            onChange={(value) => change({ language: value })}
          />
          <TimeZoneSelect value={timeZone ?? ""} onChange={(value) => change({ timeZone: value })} />
          <NumberInput
            label={t("admin.brands.threshold")}
            min={1}
            max={600}
            value={serviceLevelThresholdSeconds || 20}
            onChange={(value) => change({ serviceLevelThresholdSeconds: Number(value) })}
          />
          <CallRulesFields
            value={brand.callRules ?? {}}
            problem={problem}
            onChange={(part) => change({ callRules: { ...brand.callRules, ...part } })}
          />
          {brandId && (
            <Select
              label={t("admin.brands.callerNumber")}
              description={t("admin.brands.callerNumberHint")}
              clearable
              data={numbers.filter(mayBeShown).map((each) => numberOption(each.number ?? "", spoken))}
              value={callerNumber || null}
              error={fieldProblem(problem, "callerNumber")}
              onChange={(value) => change({ callerNumber: value ?? "" })}
              data-testid="brand-caller-number"
            />
          )}
        </>
      )}
    </FormModal>
  );
}
