import { Button, Group, NativeSelect, TextInput } from "@mantine/core";
import { IconSearch, IconWorld } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import type { CountryChoice, CountryRule } from "../../api/types.ts";
import { countryName, searchable } from "../../format/countries.ts";
import { formatNumber, latinDigits } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { announce } from "../../ui/announce.tsx";
import { DataTable } from "../../ui/DataTable.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Loading } from "../../ui/LoadMore.tsx";
import { Tag, type Tone } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import desktop from "../desktop/desktop.module.css";

const FIRST = 25;
const SHOWN = ["all", "allowed", "blocked", "chosen"] as const;
type Shown = (typeof SHOWN)[number];
const CHOICES = ["COUNTRY_CHOICE_BY_TIER", "COUNTRY_CHOICE_ALLOWED", "COUNTRY_CHOICE_BLOCKED"] as const;
const TONES: Record<string, Tone> = { COUNTRY_TIER_ELEVATED: "warn", COUNTRY_TIER_HIGH: "bad" };
const NOWHERE = "001";

/** Where calls may go: every country, found by its name, its letters or its calling code. */
export function Countries() {
  const t = useText();
  const language = useLanguage();
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery({
    queryKey: ["countryRules"],
    queryFn: async () => (await ask(api.GET("/v1/outbound/countries"))).rules ?? [],
  });
  const [search, setSearch] = useState("");
  const [shown, setShown] = useState<Shown>("all");
  const [whole, setWhole] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const nameOf = (rule: CountryRule) =>
    rule.country === NOWHERE ? t("outbound.nowhere") : countryName(rule.country ?? "", language);
  const choose = async (rule: CountryRule, choice: CountryChoice) => {
    setProblem(undefined);
    try {
      const body = { rules: [{ country: rule.country, choice }] };
      const answer = await ask(api.PATCH("/v1/outbound/countries", { body }));
      queries.setQueryData(["countryRules"], answer.rules ?? []);
      announce(`${nameOf(rule)}: ${textOr("outbound.choice", choice)}`);
    } catch (failure) {
      setProblem(failure);
    }
  };
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  const found = data
    .map((rule) => ({ rule, name: nameOf(rule) }))
    .filter(({ rule, name }) => matches(rule, name, search) && belongs(rule, shown))
    .sort((one, other) => one.name.localeCompare(other.name, language));
  const rows = whole ? found : found.slice(0, FIRST);
  return (
    <section aria-labelledby="countries">
      <h2 id="countries" className={desktop.sectionTitle}>
        {t("outbound.countries")}
      </h2>
      <Group mb="md" align="flex-end">
        <TextInput
          label={t("outbound.search")}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          data-testid="countries-search"
          style={{ flex: "1 1 220px" }}
        />
        <NativeSelect
          label={t("outbound.show")}
          data={SHOWN.map((value) => ({ value, label: t(`outbound.show.${value}`) }))}
          value={shown}
          onChange={(event) => setShown(event.currentTarget.value as Shown)}
        />
      </Group>
      <ProblemNote problem={problem} />
      {rows.length === 0 ? (
        <Panel>
          <EmptyState icon={IconWorld} title={t("outbound.noCountry")}>
            {t("outbound.noCountryBody")}
          </EmptyState>
        </Panel>
      ) : (
        <Panel flush>
          <DataTable
            label={t("outbound.countries")}
            rows={rows}
            keyOf={({ rule }) => rule.country ?? ""}
            testId={({ rule }) => `country-${rule.country}`}
            columns={[
              { head: t("outbound.country"), cell: ({ name }) => <bdi>{name}</bdi> },
              {
                head: t("outbound.code"),
                cell: ({ rule }) => <span className="m-ltr m-figures">{codesOf(rule)}</span>,
              },
              {
                head: t("outbound.tier"),
                cell: ({ rule }) => (
                  <Tag tone={TONES[rule.tier ?? ""] ?? "neutral"}>
                    {textOr("outbound.tier", rule.tier ?? "")}
                  </Tag>
                ),
              },
              {
                head: t("outbound.choice"),
                cell: ({ rule, name }) => (
                  <NativeSelect
                    aria-label={`${t("outbound.choice")}: ${name}`}
                    data={CHOICES.map((value) => ({ value, label: t(`outbound.choice.${value}`) }))}
                    value={rule.choice ?? CHOICES[0]}
                    onChange={(event) => void choose(rule, event.currentTarget.value as CountryChoice)}
                    data-testid={`country-${rule.country}-choice`}
                  />
                ),
              },
              {
                head: t("outbound.state"),
                cell: ({ rule }) => (
                  <Tag tone={rule.allowed ? "good" : "bad"} dot>
                    {rule.allowed ? t("outbound.allowed") : t("outbound.blocked")}
                  </Tag>
                ),
              },
            ]}
          />
        </Panel>
      )}
      {rows.length < found.length && (
        <Button variant="default" mt="md" onClick={() => setWhole(true)} data-testid="countries-all">
          {t("outbound.more", { count: formatNumber(found.length, language) })}
        </Button>
      )}
    </section>
  );
}

function matches(rule: CountryRule, name: string, search: string): boolean {
  const wanted = searchable(latinDigits(search.trim())).replace(/^\+|^00/, "");
  if (!wanted) return true;
  return (
    searchable(name).includes(wanted) ||
    rule.country?.toLowerCase() === wanted ||
    (rule.callingCodes ?? []).some((code) => code.startsWith(wanted))
  );
}

function belongs(rule: CountryRule, shown: Shown): boolean {
  if (shown === "all") return true;
  if (shown === "chosen") return rule.choice !== "COUNTRY_CHOICE_BY_TIER";
  return (rule.allowed ?? false) === (shown === "allowed");
}

function codesOf(rule: CountryRule): string {
  return (rule.callingCodes ?? []).map((code) => `+${code}`).join(" ");
}
