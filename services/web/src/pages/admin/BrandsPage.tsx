import { Anchor, NumberInput, Table, TextInput } from "@mantine/core";
import { IconBuildingStore } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { fieldProblem } from "../../api/problem.ts";
import type { Brand } from "../../api/types.ts";
import { isLanguage, LANGUAGE_NAMES, useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { LanguageSelect, ownTimeZone, TimeZoneSelect } from "../../ui/fields.tsx";
import { ListPage, useRefresh } from "../../ui/ListPage.tsx";
import { RowActions } from "../../ui/RowActions.tsx";
import { EmbedCode } from "./EmbedCode.tsx";

export default function BrandsPage() {
  const t = useText();
  const refresh = useRefresh("brands", "brandList");
  const [editing, setEditing] = useState<Brand>();
  const [deleting, setDeleting] = useState<Brand>();
  const [embedding, setEmbedding] = useState<Brand>();
  const remove = async (brandId: string) => {
    await ask(api.DELETE("/v1/brands/{brandId}", { params: { path: { brandId } } }));
    await refresh();
  };
  return (
    <>
      <ListPage<Brand>
        title={t("nav.brands")}
        lead={t("admin.brands.lead")}
        queryKey={["brandList"]}
        icon={IconBuildingStore}
        emptyTitle={t("admin.brands.none")}
        emptyBody={t("admin.brands.noneBody")}
        add={{ label: t("admin.brands.add"), onClick: () => setEditing({}), testId: "brand-add" }}
        read={async (pageToken) => {
          const answer = await ask(api.GET("/v1/brands", { params: { query: { pageToken } } }));
          return { rows: answer.brands ?? [], next: answer.nextPageToken ?? "" };
        }}
      >
        {(rows) => (
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("common.name")}</Table.Th>
                <Table.Th>{t("common.language")}</Table.Th>
                <Table.Th>{t("admin.brands.number")}</Table.Th>
                <Table.Th>{t("admin.brands.pages")}</Table.Th>
                <Table.Th aria-label={t("common.actions")} />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((brand) => (
                <Table.Tr key={brand.brandId} data-testid={`brand-${brand.brandId}`}>
                  <Table.Td>
                    <bdi>{brand.displayName}</bdi>
                  </Table.Td>
                  <Table.Td>
                    {isLanguage(brand.language) ? LANGUAGE_NAMES[brand.language] : brand.language}
                  </Table.Td>
                  <Table.Td>
                    <span className="m-ltr m-figures">{brand.widgetNumber || "–"}</span>
                  </Table.Td>
                  <Table.Td>
                    <Anchor href={`/brand/${brand.widgetKey}`} target="_blank" rel="noreferrer">
                      {t("admin.brands.testPage")}
                    </Anchor>
                    {" · "}
                    <Anchor component="button" type="button" onClick={() => setEmbedding(brand)}>
                      {t("admin.brands.embed")}
                    </Anchor>
                  </Table.Td>
                  <Table.Td>
                    <RowActions
                      name={brand.displayName ?? ""}
                      testId={`brand-${brand.brandId}`}
                      onEdit={() => setEditing(brand)}
                      onDelete={() => setDeleting(brand)}
                    />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        )}
      </ListPage>
      {editing && <BrandForm brand={editing} onClose={() => setEditing(undefined)} onSaved={refresh} />}
      {embedding && <EmbedCode brand={embedding} onClose={() => setEmbedding(undefined)} />}
      <Confirm
        opened={deleting !== undefined}
        title={t("admin.delete.title", { name: deleting?.displayName ?? "" })}
        body={t("admin.brands.deleteBody")}
        confirm={t("common.delete")}
        onClose={() => setDeleting(undefined)}
        onConfirm={() => remove(deleting?.brandId ?? "")}
      />
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
  const { brandId, displayName, language, timeZone, serviceLevelThresholdSeconds, version } = brand;
  const save = async () => {
    const values = {
      displayName: displayName ?? "",
      language: language ?? "en",
      timeZone,
      serviceLevelThresholdSeconds,
    };
    if (brandId) {
      const updateMask = "displayName,language,timeZone,serviceLevelThresholdSeconds";
      const body = { brand: { brandId, ...values }, updateMask, version };
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
          <TextInput
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
        </>
      )}
    </FormModal>
  );
}
