import { Select, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import { optionsOf, useBrands } from "../../api/names.ts";
import type { Problem } from "../../api/problem.ts";
import { useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { FormModal } from "../../ui/FormModal.tsx";
import { HINT_BELOW, SelectField } from "../../ui/fields.tsx";
import { Note } from "../../ui/Note.tsx";
import { useFlows } from "../flows/useFlow.ts";
import { CountrySelect } from "./CountrySelect.tsx";
import { numbersOf } from "./trunkText.ts";
import { useTrunks } from "./useTrunks.ts";

/** Numbers of the company's own carrier, pasted as they stand in a letter or a sheet. */
export function BringNumbers(props: { onClose: () => void; onSaved: () => Promise<void> }) {
  const t = useText();
  const { trunks, known } = useTrunks();
  const brands = useBrands().data ?? [];
  const flows = useFlows().data ?? [];
  const [pasted, setPasted] = useState("");
  const [country, setCountry] = useState("");
  const [trunkId, setTrunkId] = useState("");
  const [brandId, setBrandId] = useState("");
  const [flowId, setFlowId] = useState("");
  const [attempt, setAttempt] = useState({ id: newRequestId(), of: "" });
  const entries = numbersOf(pasted);
  const chosen = {
    trunkId: trunkId || trunks[0]?.trunkId || "",
    brandId: brandId || brands[0]?.brandId || "",
    flowId: flowId || flows[0]?.flowId || "",
  };
  const save = async () => {
    const body = { entries, country, ...chosen };
    // The same again is the same request; another one is not.
    const of = JSON.stringify(body);
    const requestId = attempt.of === of ? attempt.id : newRequestId();
    setAttempt({ id: requestId, of });
    const { numbers } = await ask(api.POST("/v1/numbers:bring", { body: { ...body, requestId } }));
    await props.onSaved();
    toast(t("numbers.brought", { count: numbers?.length ?? 0 }));
  };
  return (
    <FormModal
      title={t("numbers.bring")}
      onClose={props.onClose}
      onSave={save}
      saveLabel={t("numbers.bringAction")}
      testId="bring"
    >
      {(problem) => (
        <>
          <Note>{t("numbers.bringLead")}</Note>
          {known && trunks.length === 0 && (
            <Note tone="warn" testId="bring-no-trunk">
              {t("numbers.trunkFirst")} <a href="/admin/trunks">{t("nav.trunks")}</a>
            </Note>
          )}
          <Textarea
            label={t("numbers.entries")}
            description={t("numbers.entriesHint")}
            inputWrapperOrder={HINT_BELOW}
            required
            data-autofocus
            autosize
            minRows={4}
            maxRows={12}
            dir="ltr"
            value={pasted}
            error={unread(problem, entries, t)}
            onChange={(event) => setPasted(event.currentTarget.value)}
            data-testid="bring-entries"
          />
          <CountrySelect
            label={t("numbers.country")}
            description={t("numbers.countryHint")}
            value={country}
            onChange={setCountry}
          />
          <SelectField
            label={t("numbers.trunk")}
            description={t("numbers.trunkHint")}
            inputWrapperOrder={HINT_BELOW}
            required
            data={optionsOf(trunks, "trunkId")}
            value={chosen.trunkId || null}
            onChange={(value) => setTrunkId(value ?? "")}
            data-testid="bring-trunk"
          />
          <SelectField
            label={t("desktop.brand")}
            required
            data={optionsOf(brands, "brandId")}
            value={chosen.brandId || null}
            onChange={(value) => setBrandId(value ?? "")}
          />
          <Select
            label={t("admin.numbers.flow")}
            data={optionsOf(flows, "flowId")}
            value={chosen.flowId || null}
            onChange={(value) => setFlowId(value ?? "")}
          />
        </>
      )}
    </FormModal>
  );
}

/** The entries the server could not read, as they were pasted. */
function unread(
  problem: Problem | undefined,
  entries: readonly string[],
  t: ReturnType<typeof useText>,
): string | undefined {
  const places = (problem?.fields ?? []).map(({ field }) => /^entries\[(\d+)\]$/.exec(field)?.[1]);
  const named = places.flatMap((place) => (place === undefined ? [] : [entries[Number(place)] ?? ""]));
  return named.length > 0 ? t("numbers.unread", { entries: named.join(" · ") }) : undefined;
}
