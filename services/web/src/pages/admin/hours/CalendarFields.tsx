import { Checkbox, Select, SimpleGrid, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../../api/client.ts";
import { fieldProblem, type Problem } from "../../../api/problem.ts";
import type { BusinessHours, CalendarDay, HolidayCalendar } from "../../../api/types.ts";
import { countryName, searchable } from "../../../format/countries.ts";
import { formatDate } from "../../../format/dates.ts";
import { isolated } from "../../../format/isolated.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { HINT_BELOW } from "../../../ui/fields.tsx";
import classes from "../rules/rules.module.css";
import own from "./hours.module.css";
import { usePreview } from "./usePreview.ts";

interface Props {
  hours: BusinessHours;
  problem: Problem | undefined;
  onChange: (calendar: HolidayCalendar) => void;
}

/** Which country's public holidays close, and those of them that are days as usual. */
export function CalendarFields({ hours, problem, onChange }: Props) {
  const t = useText();
  const language = useLanguage();
  const calendar = hours.calendar ?? {};
  const { data: countries = [] } = useQuery({
    queryKey: ["holidayCountries"],
    queryFn: async () => (await ask(api.GET("/v1/holidayCountries", {}))).countries ?? [],
    staleTime: Number.POSITIVE_INFINITY,
  });
  const parts = countries.find((each) => each.country === calendar.country)?.subdivisions ?? [];
  const data = countries
    .map(({ country = "" }) => ({ value: country, label: countryName(country, language) }))
    .sort((one, other) => one.label.localeCompare(other.label, language));
  return (
    <fieldset className={classes.part} data-testid="hours-calendar">
      <legend>{t("hours.calendar")}</legend>
      <p className={classes.lead}>{t("hours.calendarHint")}</p>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <Select
          label={t("hours.country")}
          placeholder={t("hours.noCountry")}
          inputWrapperOrder={HINT_BELOW}
          searchable
          clearable
          limit={80}
          data={data}
          filter={({ options, search }) =>
            options.filter((each) => "value" in each && searchable(each.label).includes(searchable(search)))
          }
          value={calendar.country || null}
          error={fieldProblem(problem, "country")}
          onChange={(country) => onChange({ country: country ?? "", subdivision: "", off: [] })}
          data-testid="hours-country"
        />
        {parts.length > 0 && (
          <Select
            label={t("hours.part")}
            placeholder={t("hours.wholeCountry")}
            searchable
            clearable
            data={parts}
            value={calendar.subdivision || null}
            error={fieldProblem(problem, "subdivision")}
            onChange={(subdivision) => onChange({ ...calendar, subdivision: subdivision ?? "" })}
            data-testid="hours-part"
          />
        )}
      </SimpleGrid>
      {calendar.country && <Coming hours={hours} calendar={calendar} onChange={onChange} />}
    </fieldset>
  );
}

function Coming({ hours, calendar, onChange }: Omit<Props, "problem"> & { calendar: HolidayCalendar }) {
  const t = useText();
  const { data } = usePreview(hours);
  if (!data) return null;
  const byName = new Map<string, CalendarDay[]>();
  for (const day of data.days ?? []) byName.set(day.name ?? "", [...(byName.get(day.name ?? "") ?? []), day]);
  if (byName.size === 0) return <p className={classes.quiet}>{t("hours.noComing")}</p>;
  const off = calendar.off ?? [];
  return (
    <Stack gap={6} role="group" aria-label={t("hours.coming")}>
      <span className={classes.from}>{t("hours.coming")}</span>
      <span className={classes.quiet}>{t("hours.comingLead")}</span>
      <ul className={own.coming} data-testid="hours-coming">
        {[...byName].map(([name, days]) => (
          <li key={name}>
            <OneHoliday
              name={name}
              days={days}
              on={!off.includes(name)}
              onChange={(on) =>
                onChange({ ...calendar, off: on ? off.filter((each) => each !== name) : [...off, name] })
              }
            />
          </li>
        ))}
      </ul>
    </Stack>
  );
}

interface HolidayProps {
  name: string;
  days: readonly CalendarDay[];
  on: boolean;
  onChange: (on: boolean) => void;
}

/** One holiday with its days, which close unless it is switched off. */
function OneHoliday({ name, days, on, onChange }: HolidayProps) {
  const t = useText();
  const language = useLanguage();
  const called = days.find((day) => day.displayName)?.displayName ?? name;
  const dates = days
    .map((day) => {
      const date = formatDate(day.date, language, "UTC");
      return day.own ? `${date} (${t("hours.own")})` : date;
    })
    .join(language === "fa" ? "، " : ", ");
  return (
    <Checkbox
      size="sm"
      label={<bdi>{called}</bdi>}
      description={dates}
      aria-label={t("hours.closedOn", { name: isolated(called) })}
      checked={on}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}
