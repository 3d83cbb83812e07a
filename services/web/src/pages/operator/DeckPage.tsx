import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { RateDeck } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { DataTable } from "../../ui/DataTable.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { saveFile } from "../saveFile.ts";
import { DeckImport } from "./DeckImport.tsx";
import { DeckTester } from "./DeckTester.tsx";
import classes from "./operator.module.css";

/** One deck: its versions, what a call would cost, and bringing a new version in. */
export function DeckPage({ deckId, onBack }: { deckId: string; onBack: () => void }) {
  const t = useText();
  const refresh = useRefresh("rateDecks", "rateDeck");
  const [importing, setImporting] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const [exporting, setExporting] = useState(false);
  const { data, error, refetch } = useQuery({
    queryKey: ["rateDeck", deckId],
    queryFn: () =>
      ask(api.GET("/v1/operator/rateDecks/{rateDeckId}", { params: { path: { rateDeckId: deckId } } })),
  });
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  const save = async () => {
    setExporting(true);
    setProblem(undefined);
    try {
      saveFile(`${data.displayName}.csv`, await exported(deckId), "text/csv");
    } catch (thrown) {
      setProblem(thrown);
    } finally {
      setExporting(false);
    }
  };
  return (
    <>
      <PageHeader
        title={data.displayName ?? ""}
        subtitle={t("rates.deckLead", { currency: data.currency ?? "", zone: data.timeZone ?? "" })}
        actions={
          <>
            <Button variant="default" onClick={onBack} data-testid="deck-back">
              {t("rates.back")}
            </Button>
            {data.currentVersion ? (
              <Button
                variant="default"
                loading={exporting}
                onClick={() => void save()}
                data-testid="deck-export"
              >
                {t("rates.export")}
              </Button>
            ) : null}
            {!data.parentRateDeckId && (
              <Button onClick={() => setImporting(true)} data-testid="deck-import">
                {t("rates.import")}
              </Button>
            )}
          </>
        }
      />
      <ProblemNote problem={problem} />
      {importing && (
        <DeckImport
          deck={data}
          onClose={() => setImporting(false)}
          onDone={async () => {
            await refresh();
            setImporting(false);
          }}
        />
      )}
      <div className={classes.stack}>
        <DeckTester deckId={deckId} currency={data.currency ?? ""} />
        <Versions deck={data} />
      </div>
    </>
  );
}

function Versions({ deck }: { deck: RateDeck }) {
  const t = useText();
  const language = useLanguage();
  const versions = deck.versions ?? [];
  return (
    <Panel flush label={t("rates.versions")}>
      <h2 className={classes.panelTitle}>{t("rates.versions")}</h2>
      {versions.length === 0 ? (
        <p className={classes.panelText}>{t("rates.noVersionBody")}</p>
      ) : (
        <DataTable
          label={t("rates.versions")}
          rows={versions}
          keyOf={(each) => String(each.version)}
          columns={[
            {
              head: t("rates.version"),
              cell: (each) => <span className="m-figures">{formatNumber(each.version ?? 0, language)}</span>,
            },
            {
              head: t("operator.state"),
              cell: (each) => {
                if (each.state === "RATE_DECK_VERSION_STATE_DRAFT") return <Tag>{t("rates.draft")}</Tag>;
                if (each.version === deck.currentVersion) return <Tag tone="good">{t("rates.inForce")}</Tag>;
                const later = Date.parse(each.activateTime ?? "") > Date.now();
                return (
                  <Tag tone={later ? "info" : "neutral"}>{t(later ? "rates.planned" : "rates.past")}</Tag>
                );
              },
            },
            { head: t("rates.from"), cell: (each) => <DateTime value={each.activateTime} /> },
            deck.parentRateDeckId
              ? {
                  head: t("rates.markup"),
                  cell: (each) => (
                    <span className="m-figures">{formatNumber(each.markupPercent ?? "0", language)}</span>
                  ),
                }
              : {
                  head: t("rates.lines"),
                  cell: (each) => (
                    <span className="m-figures">{formatNumber(each.lineCount ?? 0, language)}</span>
                  ),
                },
          ]}
        />
      )}
    </Panel>
  );
}

async function exported(deckId: string): Promise<string[]> {
  const parts: string[] = [];
  let version: number | undefined;
  for (let part = 0; ; part += 1) {
    const answer = await ask(
      api.GET("/v1/operator/rateDecks/{rateDeckId}:export", {
        params: { path: { rateDeckId: deckId }, query: { part, version } },
      }),
    );
    parts.push(answer.csv ?? "");
    version = answer.version;
    if (!answer.more) return parts;
  }
}
