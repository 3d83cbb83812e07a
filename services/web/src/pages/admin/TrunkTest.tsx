import { Select } from "@mantine/core";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { mayBeShown, useNumbers } from "../../api/names.ts";
import type { Trunk, TrunkTestStep } from "../../api/types.ts";
import { durationSeconds } from "../../format/durations.ts";
import { formatNumber, latinDigits } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { FormModal } from "../../ui/FormModal.tsx";
import { HINT_BELOW, numberOption, TextField } from "../../ui/fields.tsx";
import { Note, type Tone } from "../../ui/Note.tsx";
import { DateTime } from "../../ui/Time.tsx";
import { wordsOf } from "./trunkText.ts";

const TONES: Record<string, Tone> = {
  TRUNK_TEST_RESULT_PASSED: "good",
  TRUNK_TEST_RESULT_WARNING: "warn",
  TRUNK_TEST_RESULT_FAILED: "bad",
  TRUNK_TEST_RESULT_SKIPPED: "neutral",
};

/** Asks the carrier now and shows step by step what came of it, and what to do next. */
export function TrunkTest({ trunk, onClose }: { trunk: Trunk; onClose: () => void }) {
  const t = useText();
  const language = useLanguage();
  const [number, setNumber] = useState("");
  const [shown, setShown] = useState("");
  const [steps, setSteps] = useState<readonly TrunkTestStep[]>();
  const own = (useNumbers().data ?? []).filter(
    (each) => mayBeShown(each) && (!each.brought || each.trunkId === trunk.trunkId),
  );
  const callerNumber = shown || own[0]?.number || "";
  const test = async () => {
    const params = { path: { trunkId: trunk.trunkId ?? "" } };
    const dialed = latinDigits(number).trim();
    const body = dialed ? { number: dialed, callerNumber } : {};
    setSteps(undefined);
    setSteps((await ask(api.POST("/v1/trunks/{trunkId}:test", { params, body }))).steps ?? []);
    return false;
  };
  return (
    <FormModal
      title={t("trunks.test.title", { name: trunk.displayName ?? "" })}
      onClose={onClose}
      onSave={test}
      saveLabel={steps ? t("trunks.test.again") : t("trunks.test.run")}
      size="lg"
      testId="trunk-test"
    >
      <div>{t("trunks.test.lead")}</div>
      <TextField
        label={t("trunks.test.number")}
        description={t("trunks.test.numberHint")}
        inputWrapperOrder={HINT_BELOW}
        type="tel"
        maxLength={64}
        value={number}
        onChange={(event) => setNumber(event.currentTarget.value)}
        data-testid="trunk-test-number"
      />
      {number.trim() && (
        <Select
          label={t("trunks.test.shown")}
          styles={{ input: { direction: "ltr" } }}
          data={own.map((each) => numberOption(each.number ?? "", language))}
          value={callerNumber || null}
          onChange={(value) => setShown(value ?? "")}
          data-testid="trunk-test-shown"
        />
      )}
      {steps && (
        <ol style={{ listStyle: "none", margin: 0, padding: 0, display: "grid", gap: 8 }} aria-live="polite">
          {steps.map((step) => (
            <li key={`${step.kind} ${step.gatewayId}`} data-testid={`trunk-step-${step.finding}`}>
              <StepNote step={step} />
            </li>
          ))}
        </ol>
      )}
    </FormModal>
  );
}

function StepNote({ step }: { step: TrunkTestStep }) {
  const t = useText();
  const language = useLanguage();
  const finding = step.finding ?? "";
  const words = wordsOf(textOr("trunks.test.finding", finding), finding);
  const took = durationSeconds(step.roundTrip);
  const facts = [
    {
      id: "details",
      shown: step.details?.length ? <bdi className="m-ltr">{step.details.join(", ")}</bdi> : "",
    },
    {
      id: "status",
      shown: step.status ? t("trunks.test.status", { status: formatNumber(step.status, language) }) : "",
    },
    {
      id: "took",
      shown: took > 0 ? t("trunks.test.took", { ms: formatNumber(Math.round(took * 1000), language) }) : "",
    },
    { id: "until", shown: step.expireTime ? <DateTime value={step.expireTime} /> : "" },
  ].filter((fact) => fact.shown !== "");
  return (
    <Note
      tone={TONES[step.result ?? ""] ?? "neutral"}
      title={
        <>
          {textOr("trunks.test.kind", step.kind ?? "")}
          {step.gateway && (
            <>
              {" · "}
              <span className="m-ltr">{step.gateway}</span>
            </>
          )}
        </>
      }
    >
      <div>{words}</div>
      <div style={{ color: "var(--m-muted)", fontSize: "0.85rem" }}>
        {facts.map((fact, index) => (
          <span key={fact.id}>
            {index > 0 && " · "}
            {fact.shown}
          </span>
        ))}
      </div>
    </Note>
  );
}
