import { Button, FileInput, Group, Modal, Stack, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../api/client.ts";
import type { InventoryImport } from "../../api/types.ts";
import { formatNumber } from "../../format/numbers.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { HINT_BELOW } from "../../ui/fields.tsx";
import { Note } from "../../ui/Note.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { CountrySelect } from "../admin/CountrySelect.tsx";

const SHOWN = 50;

/** Numbers from a file or pasted: first what would come of them, with every bad line, then they are taken. */
export function ImportStock(props: { onClose: () => void; onDone: () => Promise<unknown> }) {
  const t = useText();
  const language = useLanguage();
  const [text, setText] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [country, setCountry] = useState("");
  const [checked, setChecked] = useState<{ asked: string; came: InventoryImport }>();
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState("");
  const asked = JSON.stringify([text, country]);
  const came = checked?.asked === asked ? checked.came : undefined;
  const ready = came !== undefined && (came.badLines ?? 0) === 0 && (came.added ?? 0) > 0;
  const run = async (dryRun: boolean) => {
    setBusy(dryRun ? "check" : "take");
    setFailure(undefined);
    try {
      const body = { requestId: newRequestId(), text, country, dryRun };
      const answer = await ask(api.POST("/v1/operator/inventory:import", { body }));
      setChecked({ asked, came: answer });
      if (!dryRun && !answer.badLines) {
        toast(t("inventory.added", { count: formatNumber(answer.added ?? 0, language) }));
        await props.onDone();
        props.onClose();
      }
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy("");
    }
  };
  const choose = (chosen: File | null) => {
    setFile(chosen);
    void chosen?.text().then(setText, setFailure);
  };
  return (
    <Modal
      opened
      onClose={props.onClose}
      size="lg"
      title={t("inventory.add")}
      closeButtonProps={{ "aria-label": t("common.close") }}
      data-testid="stock-import"
    >
      <Stack>
        <Textarea
          label={t("inventory.lines")}
          description={t("inventory.linesHint")}
          inputWrapperOrder={HINT_BELOW}
          placeholder={
            "number,type,capabilities,emergency,carrier,price_class\n+442079460000-99,local,voice sms,yes,,"
          }
          data-autofocus
          autosize
          minRows={5}
          maxRows={12}
          dir="ltr"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          data-testid="stock-import-text"
        />
        <FileInput
          label={t("numberLists.file")}
          placeholder="numbers.csv"
          accept=".csv,.txt,text/csv,text/plain"
          value={file}
          onChange={choose}
          clearable
          clearButtonProps={{ "aria-label": t("common.remove") }}
          fileInputProps={{ "aria-label": t("numberLists.file") }}
        />
        <CountrySelect
          label={t("numbers.country")}
          description={t("numbers.countryHint")}
          value={country}
          onChange={setCountry}
        />
        <ProblemNote problem={failure} />
        {came && <Outcome came={came} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={props.onClose}>
            {t("common.cancel")}
          </Button>
          <Button
            variant={ready ? "default" : "filled"}
            disabled={!text.trim()}
            loading={busy === "check"}
            onClick={() => void run(true)}
            data-testid="stock-import-check"
          >
            {t("numberLists.check")}
          </Button>
          {ready && (
            <Button loading={busy === "take"} onClick={() => void run(false)} data-testid="stock-import-take">
              {t("inventory.take")}
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  );
}

function Outcome({ came }: { came: InventoryImport }) {
  const t = useText();
  const language = useLanguage();
  const count = (value: number | undefined) => formatNumber(value ?? 0, language);
  const bad = came.badLines ?? 0;
  const problems = (came.problems ?? []).slice(0, SHOWN);
  return (
    <>
      <Note tone={bad ? "warn" : "good"} live testId="stock-import-outcome">
        {t("inventory.wouldBe", { added: count(came.added), unchanged: count(came.unchanged) })}
      </Note>
      {bad > 0 && (
        <Note tone="bad" title={t("inventory.badLines", { count: count(bad) })} testId="stock-import-bad">
          <ul
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a list that scrolls must be reachable by keyboard
            tabIndex={0}
            style={{ maxBlockSize: 220, overflowY: "auto", margin: 0, paddingInlineStart: 18 }}
          >
            {problems.map((each) => (
              <li key={`${each.line} ${each.reason}`}>
                {t("numberLists.badLine", {
                  line: count(each.line),
                  value: `\u2068${each.value ?? ""}\u2069`,
                })}
                {" – "}
                {textOr("stockLine", each.reason ?? "")}
              </li>
            ))}
            {bad > problems.length && (
              <li>{t("numberLists.moreLines", { count: count(bad - problems.length) })}</li>
            )}
          </ul>
        </Note>
      )}
    </>
  );
}
