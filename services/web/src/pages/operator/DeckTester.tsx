import { Button } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { asProblem, fieldProblem, type Problem } from "../../api/problem.ts";
import type { RatedCall } from "../../api/types.ts";
import { formatNumber, latinDigits } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { MoneyAmount } from "../../ui/Amount.tsx";
import { DataTable } from "../../ui/DataTable.tsx";
import { Form } from "../../ui/Form.tsx";
import { SelectField, TextField } from "../../ui/fields.tsx";
import { Note } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { Length } from "../../ui/Time.tsx";
import classes from "./operator.module.css";

const DIRECTIONS = ["RATE_DIRECTION_OUTBOUND", "RATE_DIRECTION_INBOUND"] as const;

/** What a call to a number would cost, with the line and the segments it is rated by. */
export function DeckTester({ deckId, currency }: { deckId: string; currency: string }) {
  const t = useText();
  const [number, setNumber] = useState("");
  const [seconds, setSeconds] = useState("60");
  const [start, setStart] = useState("");
  const [direction, setDirection] = useState<(typeof DIRECTIONS)[number]>("RATE_DIRECTION_OUTBOUND");
  const [rated, setRated] = useState<RatedCall>();
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const look = async () => {
    setBusy(true);
    setProblem(undefined);
    setRated(undefined);
    try {
      const body = {
        number: latinDigits(number).replace(/[\s()-]/g, ""),
        duration: `${Number(latinDigits(seconds)) || 0}s`,
        direction,
        startTime: start ? new Date(start).toISOString() : undefined,
      };
      const params = { path: { rateDeckId: deckId } };
      setRated(await ask(api.POST("/v1/operator/rateDecks/{rateDeckId}:lookUp", { params, body })));
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Panel label={t("rates.tester")}>
      <h2 className={classes.title}>{t("rates.tester")}</h2>
      <p className={classes.lead}>{t("rates.testerLead")}</p>
      <Form onSubmit={() => void look()}>
        <div className={classes.fields}>
          <TextField
            label={t("rates.number")}
            required
            placeholder="+49301234567"
            value={number}
            dir="ltr"
            inputMode="tel"
            error={fieldProblem(problem, "number")}
            onChange={(event) => setNumber(event.currentTarget.value)}
            data-testid="tester-number"
          />
          <TextField
            label={t("rates.seconds")}
            required
            value={seconds}
            inputMode="numeric"
            error={fieldProblem(problem, "duration")}
            onChange={(event) => setSeconds(event.currentTarget.value)}
            data-testid="tester-seconds"
          />
          <TextField
            label={t("rates.start")}
            type="datetime-local"
            value={start}
            onChange={(event) => setStart(event.currentTarget.value)}
          />
          <SelectField
            label={t("rates.direction")}
            allowDeselect={false}
            data={DIRECTIONS.map((value) => ({ value, label: t(`rates.direction.${value}`) }))}
            value={direction}
            onChange={(next) => setDirection((next ?? DIRECTIONS[0]) as typeof direction)}
          />
          <Button type="submit" loading={busy} data-testid="tester-look">
            {t("rates.look")}
          </Button>
        </div>
      </Form>
      <ProblemNote problem={problem} />
      {rated?.reason && (
        <Note tone="warn" title={textOr("rates.reason", rated.reason)} testId="tester-reason" live />
      )}
      {rated && !rated.reason && <Outcome rated={rated} currency={currency} />}
    </Panel>
  );
}

function Outcome({ rated, currency }: { rated: RatedCall; currency: string }) {
  const t = useText();
  const language = useLanguage();
  return (
    <>
      <p className={classes.outcome} role="status" data-testid="tester-amount">
        <strong>
          <MoneyAmount money={rated.amount ?? { currency, amount: "0" }} />
        </strong>{" "}
        {t("rates.outcome", {
          seconds: formatNumber(Number(rated.billedSeconds ?? 0), language),
          version: formatNumber(rated.version ?? 0, language),
        })}
      </p>
      <DataTable
        label={t("rates.segments")}
        rows={rated.segments ?? []}
        keyOf={(each) => `${each.startOffset}-${each.prefix}`}
        columns={[
          { head: t("rates.prefix"), cell: (each) => <span className="m-ltr">{each.prefix || "*"}</span> },
          { head: t("rates.destination"), cell: (each) => <bdi>{each.destination || "–"}</bdi> },
          {
            head: t("rates.begins"),
            cell: (each) => <Length seconds={Number((each.startOffset ?? "0s").slice(0, -1))} />,
          },
          {
            head: t("rates.billed"),
            cell: (each) => (
              <span className="m-figures">{formatNumber(Number(each.billedSeconds ?? 0), language)}</span>
            ),
          },
          { head: t("rates.pricePerMinute"), cell: (each) => <MoneyAmount money={each.price} /> },
          {
            head: t("rates.increments"),
            cell: (each) => (
              <span className="m-ltr m-figures">
                {each.firstIncrementSeconds}/{each.nextIncrementSeconds}
              </span>
            ),
          },
          { head: t("rates.amount"), cell: (each) => <MoneyAmount money={each.amount} /> },
        ]}
      />
    </>
  );
}
