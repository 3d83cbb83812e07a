import { Button, Group, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconReceiptTax, IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { TaxRate } from "../../../api/types.ts";
import { countryName, searchable } from "../../../format/countries.ts";
import { formatPercent } from "../../../format/numbers.ts";
import { type Language, useLanguage, useText } from "../../../i18n/index.ts";
import { serverNow } from "../../../socket/live.ts";
import { ListPage, useRefresh } from "../../../ui/ListPage.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import classes from "../operator.module.css";
import { ChangeRate, EndRate } from "./RateChanges.tsx";
import { TaxRateForm } from "./TaxRateForm.tsx";

interface Asked {
  verb: "change" | "end";
  rate: TaxRate;
}

/** Taxes by country or a part of one: what is charged from when until when. Companies are taxed where their tax data says they are. */
export default function TaxRates() {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefresh("taxRates", "audit");
  const [typed, setTyped] = useState("");
  const [wanted] = useDebouncedValue(typed.trim(), 300);
  const [adding, setAdding] = useState(false);
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  return (
    <>
      <ListPage<TaxRate>
        noun="taxrate"
        title={t("taxRates.title")}
        lead={t("taxRates.lead")}
        queryKey={["taxRates", wanted, language]}
        read={async () => {
          const all = (await ask(api.GET("/v1/operator/taxRates"))).taxRates ?? [];
          return { rows: all.filter((each) => meant(each, wanted, language)), next: "" };
        }}
        icon={IconReceiptTax}
        emptyTitle={t(wanted ? "taxRates.noneFound" : "taxRates.none")}
        emptyBody={t(wanted ? "taxRates.noneFoundBody" : "taxRates.noneBody")}
        idOf={(row) => row.taxRateId}
        nameOf={(row) => row.name}
        add={{ label: t("taxRates.add"), onClick: () => setAdding(true) }}
        note={
          <div className={classes.filters}>
            <TextInput
              label={t("common.search")}
              placeholder={t("taxRates.searchHint")}
              leftSection={<IconSearch size={16} aria-hidden />}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
              style={{ flex: 1, minWidth: 200, maxWidth: 420 }}
              data-testid="taxrates-search"
            />
          </div>
        }
        columns={[
          {
            head: t("taxRates.region"),
            cell: (row) => (
              <>
                {countryOf(row, language)}
                <div className={classes.small}>
                  <span className="m-ltr">{row.region}</span>
                </div>
              </>
            ),
          },
          {
            head: t("taxRates.tax"),
            cell: (row) => (
              <>
                <bdi>{row.name}</bdi> <Standing rate={row} />
                <div className={classes.small}>
                  <span className="m-ltr">{row.taxCode}</span>
                </div>
              </>
            ),
          },
          {
            head: t("taxRates.percent"),
            cell: (row) => (
              <>
                <bdi className="m-figures">{formatPercent(row.percent ?? "", language)}</bdi>
                <div className={classes.small}>
                  {t(row.included ? "taxRates.included" : "taxRates.added")}
                </div>
              </>
            ),
          },
          {
            head: t("taxRates.inForce"),
            cell: (row) => (
              <>
                <DateTime value={row.startTime} />
                {row.endTime && (
                  <div className={classes.small}>
                    {t("taxRates.until")} <DateTime value={row.endTime} />
                  </div>
                )}
              </>
            ),
          },
          {
            head: t("taxRates.lines"),
            cell: (row) =>
              row.lineCodes?.length ? (
                <span className="m-ltr">{row.lineCodes.join(", ")}</span>
              ) : (
                t("taxRates.allLines")
              ),
          },
          {
            head: t("common.actions"),
            quiet: true,
            cell: (row) =>
              standingOf(row) !== "over" && (
                <Group gap={6} justify="flex-end">
                  {(["change", "end"] as const).map((verb) => (
                    <Button
                      key={verb}
                      size="compact-sm"
                      variant="default"
                      onClick={() => setAsked({ verb, rate: row })}
                      aria-label={`${t(`taxRates.${verb}`)}: ${row.name} ${row.region}`}
                      data-testid={`taxrate-${row.region}-${row.taxCode}-${verb}`}
                    >
                      {t(`taxRates.${verb}`)}
                    </Button>
                  ))}
                </Group>
              ),
          },
        ]}
      />
      {adding && <TaxRateForm onClose={() => setAdding(false)} onDone={refresh} />}
      {asked?.verb === "change" && <ChangeRate rate={asked.rate} onClose={close} onDone={refresh} />}
      {asked?.verb === "end" && <EndRate rate={asked.rate} onClose={close} onDone={refresh} />}
    </>
  );
}

function countryOf(rate: TaxRate, language: Language): string {
  return countryName((rate.region ?? "").split("-")[0] ?? "", language);
}

function meant(rate: TaxRate, wanted: string, language: Language): boolean {
  const said = `${countryOf(rate, language)} ${rate.region} ${rate.name} ${rate.taxCode}`;
  return searchable(said).includes(searchable(wanted));
}

/** Where a rate stands in time; undefined while it is in force. */
function standingOf(rate: TaxRate): "toCome" | "over" | undefined {
  const now = serverNow();
  if (Date.parse(rate.startTime ?? "") > now) return "toCome";
  return rate.endTime && Date.parse(rate.endTime) <= now ? "over" : undefined;
}

function Standing({ rate }: { rate: TaxRate }) {
  const t = useText();
  const standing = standingOf(rate);
  return (
    standing && (
      <Tag tone={standing === "over" ? "neutral" : "info"}>{t(`taxRates.standing.${standing}`)}</Tag>
    )
  );
}
