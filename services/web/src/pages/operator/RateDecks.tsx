import { Button, Group } from "@mantine/core";
import { IconCoins, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { RateDeck } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { type Column, DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { useRefresh } from "../../ui/ListPage.tsx";
import { PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { Tag } from "../../ui/Note.tsx";
import { PageHeader } from "../../ui/Page.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { DeckForm } from "./DeckForm.tsx";
import { DeckPage } from "./DeckPage.tsx";
import classes from "./operator.module.css";

/** What calls cost by number: the decks of the platform, and one of them when it is opened. */
export function RateDecks() {
  const t = useText();
  const language = useLanguage();
  const refresh = useRefresh("rateDecks", "rateDeck");
  const [opened, setOpened] = useState<string>();
  const [adding, setAdding] = useState(false);
  const { query, rows } = usePages(["rateDecks"], async (pageToken) => {
    const answer = await ask(api.GET("/v1/operator/rateDecks", { params: { query: { pageToken } } }));
    return { rows: answer.rateDecks ?? [], next: answer.nextPageToken ?? "" };
  });
  if (opened) return <DeckPage deckId={opened} onBack={() => setOpened(undefined)} />;
  const columns: Column<RateDeck>[] = [
    {
      head: t("common.name"),
      cell: (deck) => (
        <>
          <bdi>{deck.displayName}</bdi>
          {deck.parentRateDeckId && (
            <div className={classes.small}>
              {t("rates.derivedFrom", { name: nameOf(rows, deck.parentRateDeckId) })}
            </div>
          )}
        </>
      ),
    },
    { head: t("rates.currency"), cell: (deck) => <span className="m-ltr">{deck.currency}</span> },
    { head: t("rates.zone"), cell: (deck) => <span className="m-ltr">{deck.timeZone}</span> },
    {
      head: t("rates.version"),
      cell: (deck) =>
        deck.currentVersion ? (
          <span className="m-figures">{formatNumber(deck.currentVersion, language)}</span>
        ) : (
          <Tag tone="warn">{t("rates.noVersion")}</Tag>
        ),
    },
    { head: t("rates.created"), cell: (deck) => <DateTime value={deck.createTime} /> },
    {
      head: t("common.actions"),
      quiet: true,
      cell: (deck) => (
        <Button
          size="xs"
          variant="default"
          onClick={() => setOpened(deck.rateDeckId)}
          aria-label={`${t("rates.open")}: ${deck.displayName}`}
          data-testid={`deck-${deck.rateDeckId}-open`}
        >
          {t("rates.open")}
        </Button>
      ),
    },
  ];
  return (
    <>
      <PageHeader
        title={t("rates.title")}
        subtitle={t("rates.lead")}
        actions={
          <Group gap="xs">
            <Button
              leftSection={<IconPlus size={17} aria-hidden />}
              onClick={() => setAdding(true)}
              data-testid="deck-add"
            >
              {t("rates.add")}
            </Button>
          </Group>
        }
      />
      <PagedPanel
        query={query}
        rows={rows}
        empty={
          <EmptyState icon={IconCoins} title={t("rates.none")}>
            {t("rates.noneBody")}
          </EmptyState>
        }
      >
        {(shown) => (
          <DataTable
            label={t("rates.title")}
            columns={columns}
            rows={shown}
            keyOf={(deck) => deck.rateDeckId ?? ""}
            testId={(deck) => `deck-${deck.rateDeckId}`}
          />
        )}
      </PagedPanel>
      {adding && (
        <DeckForm
          parents={rows.filter((deck) => !deck.parentRateDeckId)}
          onClose={() => setAdding(false)}
          onDone={refresh}
        />
      )}
    </>
  );
}

function nameOf(decks: readonly RateDeck[], deckId: string): string {
  return `\u2068${decks.find((deck) => deck.rateDeckId === deckId)?.displayName ?? deckId}\u2069`;
}
